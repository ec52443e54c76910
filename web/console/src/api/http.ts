/** One HTTP call to our server: JSON in, JSON out, and every way it can fail as one kind of error. */
import type { Problem } from './wire'

const ROOT = '/api/v1'

/** No answer within this is no answer. Milliseconds. */
const PATIENCE = 8_000

/** The server said no: `problem` is its problem document. */
export class Refused extends Error {
  constructor(
    readonly problem: Problem,
    /** Seconds to wait before another try, if the server said so. */
    readonly retryAfter: number | null,
  ) {
    super(problem.title)
    this.name = 'Refused'
  }
}

/** No answer came: nobody knows whether the call arrived. */
export class Unreachable extends Error {
  constructor() {
    super('no answer from the server')
    this.name = 'Unreachable'
  }
}

let onLoggedOut: () => void = () => undefined

/** Who is told when the server no longer knows our session (401 on any call but the log-in itself). */
export function whenLoggedOut(tell: () => void): void {
  onLoggedOut = tell
}

/**
 * Call the server.
 *
 * Throws Refused with the server's problem document, or Unreachable.
 */
export async function call<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const giveUp = new AbortController()
  const timer = setTimeout(() => giveUp.abort(), PATIENCE)
  try {
    const init: RequestInit = { method, credentials: 'same-origin', signal: giveUp.signal, cache: 'no-store' }
    if (body !== undefined) {
      init.body = JSON.stringify(body)
      init.headers = { 'Content-Type': 'application/json' }
    }
    const response = await fetch(ROOT + path, init).catch(() => {
      throw new Unreachable()
    })
    const text = await response.text().catch(() => {
      throw new Unreachable()
    })
    if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as T
    if (response.status === 401 && path !== '/session') onLoggedOut()
    throw new Refused(problemOf(response.status, text), retryAfter(response))
  } finally {
    clearTimeout(timer)
  }
}

function problemOf(status: number, text: string): Problem {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return { title: '', ...parsed, status }
  } catch {
    // something between us and the server answered, in its own words
  }
  return { status, title: text.slice(0, 200) }
}

function retryAfter(response: Response): number | null {
  const seconds = Number(response.headers.get('Retry-After'))
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : null
}
