/**
 * Tells the server which presses are really on this screen: a press that no console shows goes up at once. What counts is
 * an element of the press inside the viewport of a document that can be seen; a hidden tab shows nothing, and neither does a
 * row that is scrolled away, filtered out or behind a count.
 */
import { watch, type ObjectDirective } from 'vue'
import { reportShown } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { Incident } from '../api/wire'
import { dueReport, emptyLedger, failed, forgetGone, owe, sending, told } from '../shown/ledger'
import { steadyNow } from './clock'
import { board, onPress, pictureSeen } from './live'

const HALF = 0.5

let ledger = emptyLedger()
/** Element → the incident that it shows; and those elements that are in sight. */
const watched = new Map<Element, string>()
const inSight = new Set<Element>()

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target, intersectionRatio } of entries) {
      if (intersectionRatio >= HALF) inSight.add(target)
      else inSight.delete(target)
    }
  },
  { threshold: HALF },
)

function drop(element: Element): void {
  if (!watched.delete(element)) return
  inSight.delete(element)
  observer.unobserve(element)
}

function look(element: Element, incident: Incident | null): void {
  const id = incident !== null && incident.kind === 'press' ? incident.id : undefined
  if (watched.get(element) === id) return
  drop(element)
  if (id === undefined) return
  watched.set(element, id)
  observer.observe(element) // tells at once whether it is in sight
}

/** `v-shown="incident"`: this element shows the incident whenever it is in sight. */
export const vShown: ObjectDirective<Element, Incident | null> = {
  mounted: (element, { value }) => look(element, value),
  updated: (element, { value }) => look(element, value),
  beforeUnmount: drop,
}

onPress((incident, seq) => owe(ledger, incident.id, seq))

function onScreen(): Set<string> {
  const ids = new Set<string>()
  for (const element of inSight) {
    const id = watched.get(element)
    if (id !== undefined) ids.add(id)
  }
  return ids
}

async function report(now: number): Promise<void> {
  if (ledger.owed.size === 0) return
  if (pictureSeen.value) forgetGone(ledger, (id) => board.incidents.has(id))
  const items = dueReport(ledger, onScreen(), document.visibilityState === 'visible', now)
  if (items.length === 0) return
  const mine = ledger
  sending(mine, now)
  try {
    await reportShown(items)
    told(mine, items)
  } catch (error) {
    // what the server refuses for good would be refused again
    if (error instanceof Refused && error.problem.status < 500 && error.problem.status !== 429) told(mine, items)
    else if (error instanceof Refused || error instanceof Unreachable) failed(mine, performance.now())
    else throw error
  }
}

watch(steadyNow, (now) => void report(now))

/** Another person, another session: nothing is owed. */
export function clearShown(): void {
  ledger = emptyLedger()
}
