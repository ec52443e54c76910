/** The timeline of an incident, and since when its owner has it: fetched once, then kept up by the feed. */
import { reactive, watch } from 'vue'
import { incident as fetchIncident } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { TimelineEntry } from '../api/wire'
import { mergeTimeline } from '../feed/board'
import { latestRepeat, ownedSince } from '../feed/timeline'
import { desk } from './desk'
import { board, connected } from './live'

interface Fetched {
  state: 'loading' | 'here' | 'failed'
  timeline: TimelineEntry[]
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

/** Fetch the timeline unless it is here; a failed one is tried again. */
export function want(id: string): void {
  const entry = fetched.get(id)
  if (entry !== undefined && entry.state !== 'failed') return
  fetched.set(id, { state: 'loading', timeline: [] })
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
    const { timeline } = await fetchIncident(id)
    keep({ state: 'here', timeline })
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error
    keep({ state: 'failed', timeline: [] })
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

// A snapshot drops the changes we had collected; what was fetched before it may now have a hole.
watch(
  () => board.feed !== null && connected.value,
  (is) => {
    if (!is) return
    clearDetails()
    if (desk.selected !== null) want(desk.selected)
  },
)
