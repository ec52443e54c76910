/** From the wire's values to keys of the dictionary. Pure. */
import type { DeviceKind, DeviceState, Outcome, Priority, Purpose, Quiet, Role, State, Tier } from '../api/wire'
import type { Action } from '../steps/verbs'
import type { Ago } from '../time/format'
import type { Key } from './zh'

export const PRIORITY_WORD: Record<Priority, Key> = {
  critical: 'priorityCritical',
  high: 'priorityHigh',
  medium: 'priorityMedium',
  low: 'priorityLow',
}
export const STATE_WORD: Record<State, Key> = {
  open: 'stateOpen',
  acknowledged: 'stateAcknowledged',
  dispatched: 'stateDispatched',
  resolved: 'stateResolved',
  closed: 'stateClosed',
}
export const TIER_WORD: Record<Tier, Key> = { grid: 'tierGrid', community: 'tierCommunity', district: 'tierDistrict' }
export const OUTCOME_WORD: Record<Outcome, Key> = {
  real: 'outcomeReal',
  false: 'outcomeFalse',
  test: 'outcomeTest',
  drill: 'outcomeDrill',
}
export const ROLE_WORD: Record<Role, Key> = { officer: 'roleOfficer', lead: 'roleLead', admin: 'roleAdmin' }
export const DEVICE_WORD: Record<DeviceKind, Key> = {
  camera: 'deviceCamera',
  button: 'deviceButton',
  gateway: 'deviceGateway',
}
export const DEVICE_STATE_WORD: Record<DeviceState, Key> = {
  online: 'deviceOnline',
  offline: 'deviceOffline',
  fault: 'deviceFault',
  unknown: 'deviceUnknown',
}
export const QUIET_WORD: Record<Quiet, Key> = {
  chattering: 'quietChattering',
  maintenance: 'quietMaintenance',
  unusual: 'quietUnusual',
}
export const PURPOSE_WORD: Record<Purpose, Key> = { maintenance: 'purposeMaintenance', drill: 'purposeDrill' }
export const VERB_WORD: Record<Action, Key> = {
  acknowledge: 'verbAcknowledge',
  dispatch: 'verbDispatch',
  resolve: 'verbResolve',
  note: 'verbNote',
  arrive: 'verbArrive',
  assign: 'verbAssign',
  release: 'verbRelease',
  escalate: 'verbEscalate',
  reopen: 'verbReopen',
  take: 'verbTake',
  shelve: 'verbShelve',
  unshelve: 'verbUnshelve',
}
export const AGO_WORD: Record<Ago['unit'], Key> = {
  seconds: 'agoSeconds',
  minutes: 'agoMinutes',
  hours: 'agoHours',
  days: 'agoDays',
}

/** Kinds that have a word of ours; any other is shown as it came. */
const KIND_WORD = new Map<string, Key>([
  ['press', 'kindPress'],
  ['person', 'kindPerson'],
  ['vehicle', 'kindVehicle'],
  ['motion', 'kindMotion'],
  ['intrusion', 'kindIntrusion'],
  ['loitering', 'kindLoitering'],
  ['crowd', 'kindCrowd'],
  ['fall', 'kindFall'],
  ['fire', 'kindFire'],
  ['smoke', 'kindSmoke'],
  ['water', 'kindWater'],
  ['noise', 'kindNoise'],
  ['tamper', 'kindTamper'],
  ['video-loss', 'kindVideoLoss'],
  ['offline', 'kindOffline'],
  ['fault', 'kindFault'],
  ['unusual', 'kindUnusual'],
])

const LINE_WORD = new Map<string, Key>([
  ['open', 'lineOpen'],
  ['repeat', 'lineRepeat'],
  ['cancel', 'lineCancel'],
  ['acknowledge', 'lineAcknowledge'],
  ['assign', 'lineAssign'],
  ['dispatch', 'lineDispatch'],
  ['arrive', 'lineArrive'],
  ['release', 'lineRelease'],
  ['escalate', 'lineEscalate'],
  ['note', 'lineNote'],
  ['resolve', 'lineResolve'],
  ['close', 'lineClose'],
  ['reopen', 'lineReopen'],
  ['shelve', 'lineShelve'],
  ['unshelve', 'lineUnshelve'],
])

export function kindWord(kind: string): Key | null {
  return KIND_WORD.get(kind) ?? null
}

/** Steps that read otherwise when the system takes them. */
const SYSTEM_LINE_WORD = new Map<string, Key>([
  ['release', 'lineLapsed'],
  ['escalate', 'lineWentUp'],
  ['unshelve', 'lineCameBack'],
  ['resolve', 'lineHealed'],
])

export function lineWord(verb: string, actor: string): Key | null {
  const bySystem = actor === 'system' ? SYSTEM_LINE_WORD.get(verb) : undefined
  return bySystem ?? LINE_WORD.get(verb) ?? null
}
