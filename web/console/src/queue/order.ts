/** Which incidents stand in which list, and in which order. Pure. */
import type { Incident, Priority } from '../api/wire'
import { demands, isAlarm } from '../feed/board'

export const PRIORITY_RANK: Record<Priority, number> = { critical: 0, high: 1, medium: 2, low: 3 }

export interface Lists {
  /** What a person must answer, unresolved. */
  alarms: Incident[]
  /** Low priority (offline devices and the like), and what is kept quiet for a reason; never sounds. */
  quiet: Incident[]
  /** Put aside until a time, with a reason; the first to come back first. */
  shelved: Incident[]
  /** Resolved, not yet closed. */
  resolved: Incident[]
}

export function isUnresolved(incident: Incident): boolean {
  return incident.state !== 'resolved' && incident.state !== 'closed'
}

/** Nobody has it; then taken back by the resident and nobody looked; then somebody has it. */
function stage(incident: Incident): number {
  if (demands(incident)) return 0
  return incident.state === 'open' ? 1 : 2
}

/**
 * The order of the alarm list: what waits for an answer first, critical first, the longest waiting first (so a new one
 * of the same priority pushes nobody down); below it what somebody has, the newest first.
 */
export function compareAlarms(a: Incident, b: Incident): number {
  const byStage = stage(a) - stage(b)
  if (byStage !== 0) return byStage
  const byPriority = PRIORITY_RANK[a.priority] - PRIORITY_RANK[b.priority]
  if (byPriority !== 0) return byPriority
  const age = Date.parse(a.opened_at) - Date.parse(b.opened_at) || compareIds(a.id, b.id)
  return stage(a) === 2 ? -age : age
}

/** Ids are numbers written as strings, too long to be sure of as numbers. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

const newestFirst = (a: Incident, b: Incident): number => Date.parse(b.updated_at) - Date.parse(a.updated_at)

/** A fire that a camera keeps telling of stands above a camera that is offline, though neither sounds. */
const compareQuiet = (a: Incident, b: Incident): number =>
  PRIORITY_RANK[a.priority] - PRIORITY_RANK[b.priority] || newestFirst(a, b)

const firstBackFirst = (a: Incident, b: Incident): number =>
  Date.parse(a.shelved_until ?? '') - Date.parse(b.shelved_until ?? '') || compareIds(a.id, b.id)

/** Sort incidents into their lists; `site` null means all sites. What is shelved is shown of all sites, always. */
export function makeLists(incidents: Iterable<Incident>, site: string | null): Lists {
  const lists: Lists = { alarms: [], quiet: [], shelved: [], resolved: [] }
  for (const incident of incidents) {
    const shelved = isUnresolved(incident) && incident.shelved_until !== null
    if (shelved) lists.shelved.push(incident)
    else if (site !== null && incident.site !== site) continue
    else if (!isUnresolved(incident)) lists.resolved.push(incident)
    else if (isAlarm(incident)) lists.alarms.push(incident)
    else lists.quiet.push(incident)
  }
  lists.alarms.sort(compareAlarms)
  lists.quiet.sort(compareQuiet)
  lists.shelved.sort(firstBackFirst)
  lists.resolved.sort(newestFirst)
  return lists
}
