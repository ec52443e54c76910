/** The timeline of an incident, since when its owner has it, and who contributed: fetched once, then kept up by the feed. */
import { reactive, watch } from 'vue'
import { incident as fetchIncident } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { Contribution, TimelineEntry } from '../api/wire'
import { mergeTimeline } from '../feed/board'
import { latestRepeat, ownedSince } from '../feed/timeline'
import { desk, selected } from './desk'
import { board, connected } from './live'

interface Fetched {
  state: 'loading' | 'here' | 'failed'
  timeline: TimelineEntry[]
  contributions: Contribution[]
}

const fetched = reactive(new Map<string, Fetched>())
const AT_ONCE = 2
let underway = 0
/** Answers to questions of an earlier one are thrown away. */
let generation = 0
const wanted: string[] = []

/** What is known of an incident's timeline, oldest first; `state` is null before anybody asked. */
export function timelineOf(id: string): { state: Fetched['state'] | null; timeline: TimelineEntry[] } {
  const entry = fetched.get(id)
  return { state: entry?.state ?? null, timeline: mergeTimeline(entry?.timeline ?? [], board.changes.get(id) ?? []) }
}

/** Since when the owner has it, RFC 3339, or null while that is not known. */
export function sinceOf(id: string): string | null {
  return ownedSince(timelineOf(id).timeline)
}

/** When its device last said it again, RFC 3339, or null while that is not known. */
export function latestOf(id: string): string | null {
  return latestRepeat(timelineOf(id).timeline)
}

/** What each device contributed, as last asked; empty while that is not known. */
export function contributionsOf(id: string): Contribution[] {
  return fetched.get(id)?.contributions ?? []
}

/** Fetch the timeline unless it is here; a failed one is tried again. */
export function want(id: string): void {
  const entry = fetched.get(id)
  if (entry !== undefined && entry.state !== 'failed') return
  fetched.set(id, { state: 'loading', timeline: [], contributions: [] })
  wanted.push(id)
  void work()
}

/** Fetch it again, keeping what is here until the answer comes. */
function refresh(id: string): void {
  if (fetched.get(id)?.state !== 'here' || wanted.includes(id)) return
  wanted.push(id)
  void work()
}

async function work(): Promise<void> {
  if (underway >= AT_ONCE) return
  const id = wanted.shift()
  if (id === undefined) return
  underway += 1
  const asked = generation
  const keep = (entry: Fetched): void => {
    if (asked === generation) fetched.set(id, entry)
  }
  try {
    const { timeline, contributions } = await fetchIncident(id)
    keep({ state: 'here', timeline, contributions })
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error
    if (fetched.get(id)?.state !== 'here') keep({ state: 'failed', timeline: [], contributions: [] })
  } finally {
    underway -= 1
    void work()
  }
}

/** Forget what was fetched: another feed, or another person. */
export function clearDetails(): void {
  generation += 1
  fetched.clear()
  wanted.length = 0
}

watch(
  () => desk.selected,
  (id) => {
    if (id !== null) want(id)
  },
)

const SETTLE = 1_000 // ms: a camera that raises something again and again is not asked about each time
let settling: ReturnType<typeof setTimeout> | null = null

// What the selected group is made of changes with each repeat; the feed tells that, but not of what.
watch(
  () => [selected.value?.id, selected.value?.count] as const,
  ([id], [before]) => {
    if (id === undefined || id !== before || (selected.value?.parts.length ?? 0) < 2) return
    settling ??= setTimeout(() => {
      settling = null
      if (desk.selected !== null) refresh(desk.selected)
    }, SETTLE)
  },
)

// A snapshot drops the changes we had collected; what was fetched before it may now have a hole.
watch(
  () => board.feed !== null && connected.value,
  (is) => {
    if (!is) return
    clearDetails()
    if (desk.selected !== null) want(desk.selected)
  },
)
