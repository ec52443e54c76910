/**
 * What of the presses was really put on the screen, and what of that the server must still be told. Pure; the times are
 * monotonic milliseconds.
 */
import type { ShownIncident } from '../api/wire'

/** Reports go out at most so often. */
export const REPORT_EVERY = 500
const LONGEST_WAIT = 4_000
/** As many as the server takes at once. */
export const MOST = 500

export interface Ledger {
  /** Incident → number of the newest press of it that nobody was told of as shown. */
  owed: Map<string, number>
  /** Failures in a row, and when the next try may be made. */
  failures: number
  notBefore: number
}

export function emptyLedger(): Ledger {
  return { owed: new Map(), failures: 0, notBefore: 0 }
}

/** A press came: it is owed until it was shown and told. */
export function owe(ledger: Ledger, incident: string, seq: number): void {
  const known = ledger.owed.get(incident)
  if (known === undefined || seq > known) ledger.owed.set(incident, seq)
}

/**
 * What is to be told now: what is owed and on the screen. `visible` says whether the document itself can be seen: in a
 * hidden tab nothing is shown.
 */
export function dueReport(ledger: Ledger, onScreen: ReadonlySet<string>, visible: boolean, now: number): ShownIncident[] {
  if (!visible || now < ledger.notBefore) return []
  const items: ShownIncident[] = []
  for (const [incident, seq] of ledger.owed) {
    if (onScreen.has(incident) && items.length < MOST) items.push({ incident, seq })
  }
  return items
}

/** A report is on its way: the next one waits. */
export function sending(ledger: Ledger, now: number): void {
  ledger.notBefore = now + REPORT_EVERY
}

/** The server has it; what came meanwhile is owed still. */
export function told(ledger: Ledger, items: readonly ShownIncident[]): void {
  ledger.failures = 0
  for (const { incident, seq } of items) if (ledger.owed.get(incident) === seq) ledger.owed.delete(incident)
}

/** It did not arrive, or nobody knows: told again, a little later each time. */
export function failed(ledger: Ledger, now: number): void {
  ledger.notBefore = now + Math.min(LONGEST_WAIT, REPORT_EVERY * 2 ** Math.min(ledger.failures, 10))
  ledger.failures += 1
}

/** Forget what is no longer on the board. */
export function forgetGone(ledger: Ledger, isKnown: (incident: string) => boolean): void {
  for (const incident of [...ledger.owed.keys()]) if (!isKnown(incident)) ledger.owed.delete(incident)
}
