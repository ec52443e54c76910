/** A wall clock time typed in for a site, as a moment. Pure. */
import { clockTime, day } from './format'

/** `2026-11-24T16:30` on the clocks of a zone, as RFC 3339; null when it is no time. */
export function momentIn(typed: string, zone: string): string | null {
  const asUtc = Date.parse(`${typed.length === 16 ? `${typed}:00` : typed}Z`)
  if (!Number.isFinite(asUtc)) return null
  let guess = asUtc
  // twice: the first step may cross the change of a summer time
  for (let round = 0; round < 2; round += 1) guess += asUtc - wallOf(guess, zone)
  return new Date(guess).toISOString()
}

/** `2026-11-24T16:30`: a moment on the clocks of a zone, as an input of type datetime-local wants it. */
export function typedIn(at: number, zone: string): string {
  return `${day(at, zone)}T${clockTime(at, zone).slice(0, 5)}`
}

/** What the clocks of a zone show, read as if it were UTC. */
function wallOf(at: number, zone: string): number {
  return Date.parse(`${day(at, zone)}T${clockTime(at, zone)}Z`)
}
