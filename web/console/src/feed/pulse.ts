/** When the picture counts as stale, and when to try to connect again. Pure; times are monotonic milliseconds. */

/** The server sends a heartbeat every 2 s while it can read its database; three missed ones are too many. */
export const STALE_AFTER = 6_000

/** How long a connection may take until it greets us. */
export const GREETING_WITHIN = 4_000

const FIRST_WAIT = 200
const LONGEST_WAIT = 2_000

/** Whether what is on the screen can be trusted; `heardAt` is the last heartbeat or greeting, null before the first. */
export function isStale(heardAt: number | null, now: number): boolean {
  return heardAt === null || now - heardAt >= STALE_AFTER
}

/**
 * The wait before the next try, after `failures` in a row: doubled each time, never above 2 s, and a little different
 * on each console so that they don't all come at once. `chance` is in [0, 1).
 */
export function waitBeforeRetry(failures: number, chance: number): number {
  const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures, 10))
  return Math.round(wait * (0.75 + chance / 4))
}

export type Ending = 'retry' | 'loggedOut'

/** What the end of a connection means: 4401 no session any more; anything else, 1013 (we were too slow) included, try again. */
export function endingOf(code: number): Ending {
  return code === 4401 ? 'loggedOut' : 'retry'
}
