/**
 * The list of a flood (ISA-18.2: more than an officer can answer): presses stay on top, each by itself; everything else is
 * gathered by grid, one row each that can be opened. Pure.
 */
import type { FloodedOfficer, Incident, Priority } from '../api/wire'
import { demands } from '../feed/board'
import { PRIORITY_RANK } from './order'

export interface Group {
  key: string
  site: string
  grid: string | null
  /** In the order of the list. */
  incidents: Incident[]
  /** How many of them nobody has. */
  waiting: number
  /** The most urgent of those that wait, or of all. */
  worst: Priority
}
export type Entry = { kind: 'incident'; key: string; incident: Incident } | { kind: 'group'; key: string; group: Group }

const asEntry = (incident: Incident): Entry => ({ kind: 'incident', key: incident.id, incident })

/** Whether this person is in a flood of their own. */
export function isFlooded(officers: readonly FloodedOfficer[], me: string | null): boolean {
  return me !== null && officers.some((one) => one.name === me)
}

/** A list without groups. */
export function plainEntries(incidents: readonly Incident[]): Entry[] {
  return incidents.map(asEntry)
}

/**
 * The rows of a flood, from a list as it stands on the screen. Groups stand where their first incident stood, so that a
 * list that is held keeps its groups in place, too. What is alone in its grid needs no group.
 */
export function groupByGrid(incidents: readonly Incident[]): Entry[] {
  const groups = new Map<string, Incident[]>()
  for (const incident of incidents) {
    if (incident.kind === 'press') continue
    const key = `grid:${incident.site}/${incident.grid ?? ''}`
    groups.set(key, [...(groups.get(key) ?? []), incident])
  }
  const presses = incidents.filter((one) => one.kind === 'press').map(asEntry)
  const rest = [...groups].map(([key, members]): Entry => {
    const [first] = members as [Incident, ...Incident[]]
    return members.length === 1 ? asEntry(first) : { kind: 'group', key, group: groupOf(key, first, members) }
  })
  return [...presses, ...rest]
}

function groupOf(key: string, first: Incident, incidents: Incident[]): Group {
  const waiting = incidents.filter(demands)
  const of = waiting.length > 0 ? waiting : incidents
  const worst = of.reduce<Priority>((so, { priority }) => (PRIORITY_RANK[priority] < PRIORITY_RANK[so] ? priority : so), 'low')
  return { key, site: first.site, grid: first.grid, incidents, waiting: waiting.length, worst }
}

/** The keys of the rows in order, those of opened groups with their incidents below them: what J and K go through. */
export function rowKeys(entries: readonly Entry[], opened: ReadonlySet<string>): string[] {
  return entries.flatMap((entry) =>
    entry.kind === 'group' && opened.has(entry.key)
      ? [entry.key, ...entry.group.incidents.map((one) => one.id)]
      : [entry.key],
  )
}
