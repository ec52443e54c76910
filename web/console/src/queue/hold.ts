/**
 * The list does not move under the hand. While it is held (a row has the focus, was chosen by hand, or the pointer is on
 * the list), rows keep their places: new ones wait above it as a count, ones that went away stay as they ended. Pure.
 */

/** A hand that has not moved for so long is gone: the list sorts itself again, the selection stays. Milliseconds. */
export const HAND_GONE_AFTER = 30_000

export interface Grip {
  pointerInside: boolean
  focusInside: boolean
  chosenByHand: boolean
}

/** Whether somebody's hand is on the list; `touchedAt` is the last key, click or pointer move, monotonic milliseconds. */
export function isHeld(grip: Grip, touchedAt: number, now: number): boolean {
  return (grip.pointerInside || grip.focusInside || grip.chosenByHand) && now - touchedAt < HAND_GONE_AFTER
}

export interface Shown {
  /** Ids in the order of the rows. */
  ids: string[]
  /** Ids that wait above the held list, most urgent first. */
  waiting: string[]
}

/** What the list shows: `frozen` are the ids as they stood when it was taken hold of, null when nobody holds it. */
export function shownIds(frozen: readonly string[] | null, sorted: readonly string[]): Shown {
  if (frozen === null) return { ids: [...sorted], waiting: [] }
  const known = new Set(frozen)
  return { ids: [...frozen], waiting: sorted.filter((id) => !known.has(id)) }
}

/** The id one step down (+1) or up (-1) from the selected one; from nowhere, or a row that is gone, it is the first. */
export function stepFrom(ids: readonly string[], selected: string | null, by: 1 | -1): string | null {
  const at = selected === null ? -1 : ids.indexOf(selected)
  if (at < 0) return ids[0] ?? null
  return ids[Math.min(ids.length - 1, Math.max(0, at + by))] ?? null
}
