/** The live picture: the board fed by the connection, and whether it can be trusted. */
import { computed, reactive, ref, watch } from 'vue'
import type { Frame, Incident } from '../api/wire'
import { beginConnection, demands, emptyBoard, receive, resumeQuery, type Effect } from '../feed/board'
import { Connection } from '../feed/connection'
import { isFlooded } from '../queue/flood'
import { isStale } from '../feed/pulse'
import { makeLists } from '../queue/order'
import { t } from '../i18n'
import { titleOf } from '../i18n/titles'
import { learnServerTime, serverNow, serverTime, steadyNow } from './clock'
import { session, sessionEnded } from './session'
import { tell } from './toasts'

export const board = reactive(emptyBoard())

/** Monotonic time of the last heartbeat or greeting; null before the first. */
const heardAt = ref<number | null>(null)
/** The server's time (epoch ms) of the same. */
export const dataAsOf = ref<number | null>(null)
export const connected = ref(false)
/** When the page began to connect (monotonic): the first seconds are a start, not a failure. */
const startedAt = ref<number | null>(null)

/** Nothing on the screen can be trusted: no heartbeat for 6 s. */
export const stale = computed(
  () => startedAt.value !== null && isStale(heardAt.value ?? startedAt.value, steadyNow.value),
)

/** The title of what newly wants an answer, for those who can't see the lists. */
export const latestAlarm = ref<string | null>(null)

type Listener = (incident: Incident, kind: 'arrived' | 'again') => void
const listeners: Listener[] = []

/** Be told of each incident that newly wants an answer, and of each repeat. */
export function onAlarm(listener: Listener): void {
  listeners.push(listener)
}

type PressListener = (incident: Incident, seq: number) => void
const pressListeners: PressListener[] = []

/** Be told of each press that must be reported once it is on the screen. */
export function onPress(listener: PressListener): void {
  pressListeners.push(listener)
}

let onStrangeDevice: (site: string) => void = () => undefined
export function whenStrangeDevice(reload: (site: string) => void): void {
  onStrangeDevice = reload
}

let connection: Connection | null = null
/** This page has the whole picture, or had it; before that there is nothing to hold on to. */
export const pictureSeen = ref(false)

function heard(frame: Frame): void {
  if (frame.type === 'heartbeat') learnServerTime(frame.ts)
  if (frame.type !== 'heartbeat' && frame.type !== 'hello') return
  heardAt.value = performance.now()
  steadyNow.value = heardAt.value
  dataAsOf.value = frame.type === 'heartbeat' ? Date.parse(frame.ts) : serverTime()
}

function take(frame: Frame): boolean {
  const effects = receive(board, frame)
  if (effects.some((effect) => effect.kind === 'gap')) return false
  heard(frame)
  effects.forEach(act)
  return true
}

function act(effect: Effect): void {
  switch (effect.kind) {
    case 'arrived':
    case 'again':
      latestAlarm.value = titleOf(effect.incident)
      for (const listener of listeners) listener(effect.incident, effect.kind)
      break
    case 'toShow':
      for (const listener of pressListeners) listener(effect.incident, effect.seq)
      break
    case 'lapsed':
      tell(t('claimLapsed', { owner: effect.owner, title: titleOf(effect.incident) }), 'warning')
      break
    case 'strangeDevice':
      onStrangeDevice(effect.site)
      break
    case 'caughtUp':
      if (!pictureSeen.value) pictureSeen.value = true
      else if (effect.reloaded) tell(t('reloaded'))
      else tell(effect.replayed > 0 ? t('caughtUp', { n: effect.replayed }) : t('caughtUpNothing'))
      break
    case 'gap':
      break
  }
}

/** Begin to listen, with an empty board. */
export function startLive(): void {
  stopLive()
  Object.assign(board, emptyBoard())
  heardAt.value = null
  dataAsOf.value = null
  pictureSeen.value = false
  latestAlarm.value = null
  startedAt.value = performance.now()
  connection = new Connection({
    resume: () => {
      beginConnection(board)
      return resumeQuery(board)
    },
    frame: take,
    loggedOut: sessionEnded,
    connected: (is) => {
      connected.value = is
    },
  })
  connection.start()
}

export function stopLive(): void {
  connection?.stop()
  connection = null
  startedAt.value = null
  connected.value = false
}

watch(steadyNow, (now) => connection?.checkSilence(now))

/** The present for everything that is told of the data: it stands still with them, so that nothing old looks alive. */
export const dataNow = computed(() => (stale.value && dataAsOf.value !== null ? dataAsOf.value : serverNow.value))

/** This officer has more than anybody can answer: the list is gathered, the sounds are one. */
export const flooded = computed(() => isFlooded(board.flooded, session.me?.name ?? null))
/** Others who are in a flood: for who leads them. */
export const floodedOthers = computed(() => board.flooded.filter((one) => one.name !== session.me?.name))

/** How many wait for an answer, by site. */
export const waitingBySite = computed(() => {
  const counts = new Map<string, number>()
  for (const incident of board.incidents.values()) {
    if (demands(incident)) counts.set(incident.site, (counts.get(incident.site) ?? 0) + 1)
  }
  return counts
})

/** The site whose incidents and map are shown; null: all. */
export const shownSite = ref<string | null>(null)

export const lists = computed(() => makeLists(board.incidents.values(), shownSite.value))
