/** Which sound is due, and the silence that an officer may ask for. Pure; times are milliseconds. */
import type { Incident } from '../api/wire'
import { demands, isAlarm } from '../feed/board'
import { PRIORITY_RANK } from '../queue/order'

/**
 * From the most urgent down. `late`: a critical one that nobody took for a minute. `flood`: everything of a flood but the
 * presses. `broken`: the link or the way of alarms, not an incident.
 */
export type Tone = 'late' | 'critical' | 'flood' | 'high' | 'broken' | 'medium'

export const SILENCE_FOR = 120_000
export const LATE_AFTER = 60_000
/** How long another press of an incident that somebody has already sounds. */
export const AGAIN_FOR = 8_000

/** Repeats that sound for a while although somebody has the incident: incident id → until when (monotonic). */
export type Echoes = Map<string, number>

/**
 * The tone that is due for what is on the board, or null.
 *
 * `wallNow` is the server's clock (epoch ms), `now` the monotonic one. In a flood only presses sound by themselves.
 */
export function dueTone(
  incidents: Iterable<Incident>,
  echoes: Echoes,
  broken: boolean,
  flood: boolean,
  wallNow: number,
  now: number,
): Tone | null {
  let worst: Incident | null = null
  let late = false
  let flooding = false
  for (const incident of incidents) {
    const echo = (echoes.get(incident.id) ?? 0) > now && isAlarm(incident)
    const asked = demands(incident)
    if (!asked && !echo) continue
    if (flood && incident.kind !== 'press') {
      flooding ||= asked
      continue
    }
    if (asked && incident.priority === 'critical' && wallNow - Date.parse(incident.opened_at) >= LATE_AFTER) late = true
    if (worst === null || PRIORITY_RANK[incident.priority] < PRIORITY_RANK[worst.priority]) worst = incident
  }
  if (late) return 'late'
  if (worst?.priority === 'critical') return 'critical'
  if (flooding) return 'flood'
  if (worst?.priority === 'high') return 'high'
  if (broken) return 'broken'
  return worst === null ? null : 'medium'
}

/** Until when this console is silent (monotonic), null: it is not. */
export type Silence = number | null

/** Asked for silence: two minutes from the first asking, and only when there is something to silence. */
export function silence(current: Silence, due: Tone | null, now: number): Silence {
  if (isSilent(current, now) || due === null) return current
  return now + SILENCE_FOR
}

export function isSilent(current: Silence, now: number): boolean {
  return current !== null && now < current
}

/** Whole seconds of silence left, 0 when there is none. */
export function silenceLeft(current: Silence, now: number): number {
  return current === null ? 0 : Math.max(0, Math.ceil((current - now) / 1000))
}

/** Whether something that arrived ends the silence: a critical one does; in a flood, a press alone. */
export function breaksSilence(incident: Incident, flood: boolean): boolean {
  if (flood && incident.kind !== 'press') return false
  return incident.priority === 'critical' && incident.cancelled_at === null
}
