/** What a timeline tells about the present. Pure. */
import type { TimelineEntry } from '../api/wire'

/** Steps after which somebody else may have it. An acknowledged one that is dispatched keeps its owner, and its time. */
const TAKES = ['acknowledge', 'assign']
const FREES = ['open', 'release', 'reopen']

/** Since when the present owner has it, or null: nobody has it, or it can't be told. */
export function ownedSince(timeline: readonly TimelineEntry[]): string | null {
  let since: string | null = null
  for (const { verb, at } of timeline) {
    if (TAKES.includes(verb)) since = at
    else if (verb === 'dispatch') since ??= at
    else if (FREES.includes(verb)) since = null
  }
  return since
}

/** When the device last said it: the newest opening or repeat, or null when neither is in this timeline. */
export function latestRepeat(timeline: readonly TimelineEntry[]): string | null {
  let latest: string | null = null
  for (const { verb, at } of timeline) if (verb === 'open' || verb === 'repeat') latest = at
  return latest
}
