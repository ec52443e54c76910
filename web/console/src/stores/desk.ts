/** What the officer has in hand: the selected incident or group, the held list, the open form, the marked camera. */
import { computed, nextTick, reactive, shallowRef, watch } from 'vue'
import type { Incident } from '../api/wire'
import { groupByGrid, plainEntries, rowKeys } from '../queue/flood'
import { isHeld, shownIds, stepFrom, type Shown } from '../queue/hold'
import type { Action } from '../steps/verbs'
import { steadyNow } from './clock'
import { board, flooded, lists, onAlarm, pictureSeen, shownSite } from './live'

export const LISTS = ['alarms', 'shelved', 'quiet', 'resolved'] as const
export type ListName = (typeof LISTS)[number]
export type View = 'queue' | 'detail' | 'map'

interface Form {
  action: Action
  id: string
  /** The version that stood on the screen when the form was opened. */
  version: number
}

export const desk = reactive({
  selected: null as string | null,
  /** In a flood: the group that is chosen instead of an incident, by its key. */
  group: null as string | null,
  /** The groups that are opened, by their keys. */
  opened: new Set<string>(),
  chosenByHand: false,
  pointerInside: false,
  focusInside: false,
  touchedAt: 0,
  form: null as Form | null,
  /** Whether the parts of the selected incident are listed; null: as its size suggests. */
  parts: null as boolean | null,
  /** Which of the cameras that see the selected place is marked on the map, 0 the nearest. */
  camera: null as number | null,
  mapWhole: false,
  help: false,
  /** The sheet with maintenance and drills. */
  windows: false,
  /** What a narrow screen shows. */
  view: 'queue' as View,
  showQuiet: true,
  showResolved: false,
})

type OfEach<T> = Record<ListName, T>
const ofEach = <T>(make: (name: ListName) => T): OfEach<T> => ({
  alarms: make('alarms'),
  shelved: make('shelved'),
  quiet: make('quiet'),
  resolved: make('resolved'),
})

/** The lists as they stood when the hand came; null: nobody holds them. */
const frozen = shallowRef<OfEach<string[]> | null>(null)
/** The last that was known of each incident drawn, for rows and a selection that are gone meanwhile. */
const lastKnown = new Map<string, Incident>()

const held = computed(() => pictureSeen.value && isHeld(desk, desk.touchedAt, steadyNow.value))

const sortedIds = computed(() => ofEach((name) => lists.value[name].map((one) => one.id)))

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
  if (was !== null) frozen.value = ofEach((name) => (was[name].length === 0 ? sorted[name] : was[name]))
})

/** The rows of each list, and what waits above it while it is held. */
export const rows = computed<OfEach<Shown>>(() =>
  ofEach((name) => shownIds(frozen.value?.[name] ?? null, sortedIds.value[name])),
)

/** An incident as it is, or as it last was. */
export function known(id: string): Incident | null {
  const now = board.incidents.get(id)
  if (now !== undefined) lastKnown.set(id, now)
  return now ?? lastKnown.get(id) ?? null
}

/** The incidents of a list in the order of its rows. */
export function shownIn(name: ListName): Incident[] {
  return rows.value[name].ids.map(known).filter((one): one is Incident => one !== null)
}

/** The rows of the alarm list: in a flood gathered by grid, presses by themselves on top. */
export const alarmEntries = computed(() => (flooded.value ? groupByGrid : plainEntries)(shownIn('alarms')))

export const selected = computed(() => (desk.selected === null ? null : known(desk.selected)))
/** The selected incident is no longer on the board: nothing can be done with it. */
export const selectedGone = computed(() => desk.selected !== null && !board.incidents.has(desk.selected))

/** So many parts are listed without being asked for. */
const FEW_PARTS = 4
export const partsOpened = computed(() => desk.parts ?? (selected.value?.parts.length ?? 0) <= FEW_PARTS)

/** A hand moved: keys, clicks, the pointer. */
export function touch(): void {
  desk.touchedAt = performance.now()
}

/** Select by hand. An open form stays with its own incident, so it must be closed first. */
export function choose(id: string): void {
  touch()
  if (desk.form !== null && desk.form.id !== id) desk.form = null
  if (desk.selected !== id) {
    desk.camera = null
    desk.parts = null
  }
  desk.selected = id
  desk.group = null
  desk.chosenByHand = true
  desk.mapWhole = false
}

/** Choose a group of a flood: no incident is selected then, and no step can be taken. */
export function chooseGroup(key: string): void {
  touch()
  desk.selected = null
  desk.form = null
  desk.camera = null
  desk.group = key
  desk.chosenByHand = true
}

export function toggleGroup(key: string): void {
  chooseGroup(key)
  if (!desk.opened.delete(key)) desk.opened.add(key)
}

/** J and K: through the incidents (and groups), what is put aside, then the notices, as they stand on the screen. */
export function move(by: 1 | -1): void {
  touch()
  const alarms = rowKeys(alarmEntries.value, desk.opened)
  const keys = [...alarms, ...rows.value.shelved.ids, ...(desk.showQuiet ? rows.value.quiet.ids : [])]
  const next = stepFrom(keys, desk.group ?? desk.selected, by)
  if (next === null) return
  if (alarmEntries.value.some((entry) => entry.kind === 'group' && entry.key === next)) chooseGroup(next)
  else choose(next)
}

function hold(): void {
  frozen.value = held.value ? sortedIds.value : null
}

/** Let go: the list sorts itself again and nothing is selected. */
export function letGo(): void {
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
  desk.chosenByHand = false
  desk.focusInside = false
  desk.selected = null
  desk.group = null
  desk.camera = null
  desk.parts = null
  desk.form = null
  desk.view = 'queue'
  hold() // the pointer may still rest on it: then the new order is held
}

/** Sort the held list again, keep the selection. */
export function sortAgain(): void {
  hold()
}

// Nothing is selected and something comes: show the most urgent; in a flood the most urgent press, for all else is in
// groups. A selection never moves by itself.
onAlarm(() => {
  void nextTick(() => {
    if (desk.selected !== null || desk.group !== null || desk.form !== null) return
    const first = flooded.value ? lists.value.alarms.find((one) => one.kind === 'press') : lists.value.alarms[0]
    desk.selected = first?.id ?? null
  })
})

// All of the height is needed then; the notices keep their count, and one click shows them.
watch(flooded, (is) => {
  desk.opened.clear()
  desk.group = null
  desk.showQuiet = !is
})

watch(shownSite, (site) => {
  if (site !== null && selected.value !== null && selected.value.site !== site) letGo()
  hold()
})

/** Forget everything in hand: another person sits down. */
export function clearDesk(): void {
  letGo()
  lastKnown.clear()
  desk.opened.clear()
  shownSite.value = null
  desk.help = false
  desk.windows = false
  desk.mapWhole = false
}
