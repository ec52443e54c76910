/** What is due on an incident by itself, and in how long. Pure. */
import type { Incident, Tier } from '../api/wire'

export type Due =
  /** Nobody has it: it goes up to the next tier; null: the highest is called again. */
  | { kind: 'goesUp'; to: Tier | null }
  /** Somebody should take it by then. When it goes up is the rules' affair, and may be later. */
  | { kind: 'answer' }
  /** Somebody has it: the claim lapses. */
  | { kind: 'lapses' }
  /** It is put aside: it comes back. */
  | { kind: 'comesBack' }

const NEXT: Record<Tier, Tier | null> = { grid: 'community', community: 'district', district: null }

/** When it is due (RFC 3339), and what then; null: nothing happens by itself. */
export function dueOf(incident: Incident): { at: string; due: Due } | null {
  if (incident.state === 'resolved' || incident.state === 'closed') return null
  if (incident.shelved_until !== null) return { at: incident.shelved_until, due: { kind: 'comesBack' } }
  if (incident.deadline === null) return null
  return { at: incident.deadline, due: dueByDeadline(incident) }
}

function dueByDeadline({ state, kind, tier }: Incident): Due {
  if (state !== 'open') return { kind: 'lapses' }
  // what a camera saw has a time to be answered in; only what has gone up once is told when it does so again
  if (kind !== 'press' && tier === 'grid') return { kind: 'answer' }
  return { kind: 'goesUp', to: NEXT[tier] }
}

/** Seconds until then, 0 once it has passed. */
export function secondsLeft(at: string, now: number): number {
  return Math.max(0, Math.ceil((Date.parse(at) - now) / 1000))
}

/** `0:07`, `2:10`, `1:02:03`, and from a day on `27 h` as hours alone: nobody counts the seconds of tomorrow. */
export function countdown(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  if (h >= 24) return `${h} h`
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** Under this it is pressing, and looks so. Seconds. */
export const PRESSING = 60
