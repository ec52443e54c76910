/** The websocket to the live feed: opens it, comes back by cursor when it ends, hands frames on. */
import type { Frame } from '../api/wire'
import { GREETING_WITHIN, STALE_AFTER, endingOf, waitBeforeRetry } from './pulse'

export interface Ears {
  /** The query string to resume with. */
  resume(): string
  /** A frame came; false: a number is missing, come back from the last one. */
  frame(frame: Frame): boolean
  /** The session is gone (4401). */
  loggedOut(): void
  /** Whether a connection stands (it has greeted us). */
  connected(is: boolean): void
}

/** Keeps one connection until `stop`. All times are monotonic milliseconds. */
export class Connection {
  private socket: WebSocket | null = null
  private failures = 0
  private timer: ReturnType<typeof setTimeout> | null = null
  private stopped = false
  private lastSign = 0
  private greeted = false

  constructor(private readonly ears: Ears) {}

  start(): void {
    this.stopped = false
    addEventListener('online', this.retryNow)
    this.open()
  }

  stop(): void {
    this.stopped = true
    removeEventListener('online', this.retryNow)
    this.drop()
  }

  /** Give a connection up that has gone silent (a half-open one never ends by itself), and come back. */
  checkSilence(now: number): void {
    const limit = this.greeted ? STALE_AFTER : GREETING_WITHIN
    if (this.socket !== null && now - this.lastSign >= limit) this.again()
  }

  /** End this connection and come back from the cursor. */
  again(): void {
    this.drop()
    this.comeBack()
  }

  private readonly retryNow = (): void => {
    if (this.socket === null && !this.stopped) {
      this.drop()
      this.open()
    }
  }

  private open(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live${this.ears.resume()}`)
    this.socket = socket
    this.greeted = false
    this.lastSign = performance.now()
    socket.onmessage = (message: MessageEvent<string>): void => {
      if (this.socket === socket) this.take(JSON.parse(message.data) as Frame)
    }
    socket.onclose = (end): void => {
      if (this.socket === socket) this.ended(end.code)
    }
  }

  private take(frame: Frame): void {
    // only these two prove that the server can read its database
    if (frame.type === 'heartbeat' || frame.type === 'hello') this.lastSign = performance.now()
    if (frame.type === 'hello') {
      this.greeted = true
      this.failures = 0
      this.ears.connected(true)
    }
    if (!this.ears.frame(frame)) this.again()
  }

  private ended(code: number): void {
    this.drop()
    if (endingOf(code) === 'loggedOut') {
      this.stopped = true
      this.ears.loggedOut()
    } else this.comeBack()
  }

  private comeBack(): void {
    if (this.stopped) return
    this.timer = setTimeout(() => this.open(), waitBeforeRetry(this.failures, Math.random()))
    this.failures += 1
  }

  private drop(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    this.timer = null
    const socket = this.socket
    this.socket = null // first: what this socket still says is no longer heard
    if (socket !== null) {
      socket.onmessage = null
      socket.onclose = null
      socket.close()
      this.ears.connected(false)
    }
  }
}
