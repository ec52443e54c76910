/** What the officer has in hand: the selected incident, the held list, the open form, the marked camera. */
import { computed, nextTick, reactive, shallowRef, watch } from 'vue'
import type { Incident } from '../api/wire'
import { isHeld, shownIds, stepFrom } from '../queue/hold'
import type { Verb } from '../steps/verbs'
import { steadyNow } from './clock'
import { board, lists, onAlarm, pictureSeen, shownSite } from './live'

export type ListName = 'alarms' | 'quiet' | 'resolved'
export type View = 'queue' | 'detail' | 'map'

interface Form {
  verb: Verb
  id: string
  /** The version that stood on the screen when the form was opened. */
  version: number
}

export const desk = reactive({
  selected: null as string | null,
  chosenByHand: false,
  pointerInside: false,
  focusInside: false,
  touchedAt: 0,
  form: null as Form | null,
  /** Which of the cameras that see the selected place is marked on the map, 0 the nearest. */
  camera: null as number | null,
  mapWhole: false,
  help: false,
  /** What a narrow screen shows. */
  view: 'queue' as View,
  showQuiet: true,
  showResolved: false,
})

/** The lists as they stood when the hand came; null: nobody holds them. */
const frozen = shallowRef<Record<ListName, string[]> | null>(null)
/** The last that was known of each incident drawn, for rows and a selection that are gone meanwhile. */
const lastKnown = new Map<string, Incident>()

const held = computed(() => pictureSeen.value && isHeld(desk, desk.touchedAt, steadyNow.value))

const sortedIds = computed(() => ({
  alarms: lists.value.alarms.map((one) => one.id),
  quiet: lists.value.quiet.map((one) => one.id),
  resolved: lists.value.resolved.map((one) => one.id),
}))

watch(
  held,
  (is) => {
    frozen.value = is ? sortedIds.value : null
  },
  { flush: 'sync' }, // before anything else can move
)

// Nothing lies under a hand on an empty list: what comes first is shown at once, and then held.
watch(sortedIds, (sorted) => {
  const was = frozen.value
  if (was === null) return
  const first = (name: ListName): string[] => (was[name].length === 0 ? sorted[name] : was[name])
  frozen.value = { alarms: first('alarms'), quiet: first('quiet'), resolved: first('resolved') }
})

/** The rows of each list, and what waits above it while it is held. */
export const rows = computed(() => ({
  alarms: shownIds(frozen.value?.alarms ?? null, sortedIds.value.alarms),
  quiet: shownIds(frozen.value?.quiet ?? null, sortedIds.value.quiet),
  resolved: shownIds(frozen.value?.resolved ?? null, sortedIds.value.resolved),
}))

/** An incident as it is, or as it last was. */
export function known(id: string): Incident | null {
  const now = board.incidents.get(id)
  if (now !== undefined) lastKnown.set(id, now)
  return now ?? lastKnown.get(id) ?? null
}

export const selected = computed(() => (desk.selected === null ? null : known(desk.selected)))
/** The selected incident is no longer on the board: nothing can be done with it. */
export const selectedGone = computed(() => desk.selected !== null && !board.incidents.has(desk.selected))

/** A hand moved: keys, clicks, the pointer. */
export function touch(): void {
  desk.touchedAt = performance.now()
}

/** Select by hand. An open form stays with its own incident, so it must be closed first. */
export function choose(id: string): void {
  touch()
  if (desk.form !== null && desk.form.id !== id) desk.form = null
  if (desk.selected !== id) desk.camera = null
  desk.selected = id
  desk.chosenByHand = true
  desk.mapWhole = false
}

/** J and K: through the incidents, then the notices, as they stand on the screen. */
export function move(by: 1 | -1): void {
  touch()
  const ids = [...rows.value.alarms.ids, ...(desk.showQuiet ? rows.value.quiet.ids : [])]
  const next = stepFrom(ids, desk.selected, by)
  if (next !== null) choose(next)
}

/** Let go: the list sorts itself again and nothing is selected. */
export function letGo(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
  desk.chosenByHand = false
  desk.focusInside = false
  desk.selected = null
  desk.camera = null
  desk.form = null
  desk.view = 'queue'
  frozen.value = null
  if (held.value) frozen.value = sortedIds.value // the pointer still rests on it: hold the new order
}

/** Sort the held list again, keep the selection. */
export function sortAgain(): void {
  frozen.value = null
  if (held.value) frozen.value = sortedIds.value
}

// Nothing is selected and something comes: show the most urgent. A selection never moves by itself.
onAlarm(() => {
  void nextTick(() => {
    if (desk.selected === null && desk.form === null) desk.selected = lists.value.alarms[0]?.id ?? null
  })
})

watch(shownSite, (site) => {
  if (site !== null && selected.value !== null && selected.value.site !== site) letGo()
  frozen.value = null
  if (held.value) frozen.value = sortedIds.value
})

/** Forget everything in hand: another person sits down. */
export function clearDesk(): void {
  letGo()
  lastKnown.clear()
  shownSite.value = null
  desk.help = false
  desk.mapWhole = false
}
