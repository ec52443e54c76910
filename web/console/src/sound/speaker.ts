/** Makes the tones: oscillators through one gain and an analyser, scheduled ahead so that a busy page doesn't stutter. */
import type { Tone } from './demand'

interface Beep {
  /** Seconds from the start of the cycle. */
  at: number
  hertz: number
  lasts: number
}
interface Pattern {
  period: number
  gain: number
  beeps: Beep[]
}

const twoTone = (high: number, low: number): Beep[] => [
  { at: 0, hertz: high, lasts: 0.22 },
  { at: 0.25, hertz: low, lasts: 0.22 },
  { at: 0.5, hertz: high, lasts: 0.22 },
  { at: 0.75, hertz: low, lasts: 0.22 },
]

const PATTERNS: Record<Tone, Pattern> = {
  late: { period: 1.1, gain: 1, beeps: twoTone(1046, 784) },
  critical: { period: 1.6, gain: 0.7, beeps: twoTone(880, 660) },
  // one for all of it, low and steady: who works through a flood hears it for long
  flood: {
    period: 3,
    gain: 0.5,
    beeps: [
      { at: 0, hertz: 587, lasts: 0.25 },
      { at: 0.3, hertz: 494, lasts: 0.25 },
      { at: 0.6, hertz: 392, lasts: 0.35 },
    ],
  },
  high: {
    period: 2.4,
    gain: 0.5,
    beeps: [
      { at: 0, hertz: 740, lasts: 0.3 },
      { at: 0.4, hertz: 740, lasts: 0.3 },
    ],
  },
  broken: {
    period: 4,
    gain: 0.5,
    beeps: [
      { at: 0, hertz: 330, lasts: 0.35 },
      { at: 0.4, hertz: 247, lasts: 0.5 },
    ],
  },
  medium: { period: 5, gain: 0.35, beeps: [{ at: 0, hertz: 523, lasts: 0.35 }] },
}

/** Seconds scheduled ahead: more than the second that a browser gives the timers of a hidden page. */
const AHEAD = 1.3
const EVERY = 250 // ms
/** Levels kept, so that the gap between two beeps does not read as silence. */
const HELD_LEVELS = 8

export type AudioState = AudioContextState | 'none'

/** One per page. Silent until `arm` was called from a click and the browser let the context run. */
export class Speaker {
  private context: AudioContext | null = null
  private out: AnalyserNode | null = null
  private sounding: OscillatorNode[] = []
  private tone: Tone | null = null
  private nextCycle = 0
  private levels: number[] = []
  private samples = new Float32Array(0)

  constructor(private readonly onState: (state: AudioState) => void) {
    setInterval(() => this.schedule(), EVERY)
  }

  /** Start the sound; only a call from a click or a key is sure to work. */
  async arm(): Promise<void> {
    if (this.context === null) {
      this.context = new AudioContext()
      this.context.onstatechange = (): void => this.onState(this.context?.state ?? 'none')
      this.out = this.context.createAnalyser()
      this.out.connect(this.context.destination)
      this.samples = new Float32Array(this.out.fftSize)
    }
    // without a click the promise may wait for ever: whoever calls must not wait for it
    const resumed = this.context.resume()
    this.onState(this.context.state)
    await resumed
    this.onState(this.context.state)
  }

  /** Repeat this tone from now on; null: be silent at once. */
  play(tone: Tone | null): void {
    if (tone === this.tone) return
    this.tone = tone
    for (const oscillator of this.sounding) oscillator.stop()
    this.sounding = []
    this.levels = []
    if (this.context !== null) this.nextCycle = this.context.currentTime + 0.02
    this.schedule()
  }

  /** How loud it was in the last two seconds: the greatest root mean square, 0..1. */
  level(): number {
    return Math.max(0, ...this.levels)
  }

  private schedule(): void {
    const { context, out } = this
    if (context === null || out === null || context.state !== 'running') return
    out.getFloatTimeDomainData(this.samples)
    const square = this.samples.reduce((sum, sample) => sum + sample * sample, 0)
    this.levels = [...this.levels, Math.sqrt(square / this.samples.length)].slice(-HELD_LEVELS)
    if (this.tone === null) return
    const pattern = PATTERNS[this.tone]
    this.nextCycle = Math.max(this.nextCycle, context.currentTime)
    while (this.nextCycle < context.currentTime + AHEAD) {
      for (const beep of pattern.beeps) this.beep(context, out, this.nextCycle + beep.at, beep, pattern.gain)
      this.nextCycle += pattern.period
    }
  }

  private beep(context: AudioContext, out: AudioNode, at: number, beep: Beep, loudness: number): void {
    const oscillator = context.createOscillator()
    const gain = context.createGain()
    oscillator.type = 'triangle'
    oscillator.frequency.value = beep.hertz
    // soft edges: a hard start or end clicks
    gain.gain.setValueAtTime(0, at)
    gain.gain.linearRampToValueAtTime(loudness, at + 0.015)
    gain.gain.setValueAtTime(loudness, at + beep.lasts - 0.03)
    gain.gain.linearRampToValueAtTime(0, at + beep.lasts)
    oscillator.connect(gain).connect(out)
    oscillator.start(at)
    oscillator.stop(at + beep.lasts)
    oscillator.onended = (): void => {
      gain.disconnect()
      this.sounding = this.sounding.filter((one) => one !== oscillator)
    }
    this.sounding.push(oscillator)
  }
}
