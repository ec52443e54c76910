/** The steps a person can take on an incident: when each is possible and what it asks for. Pure. */
import type { Incident, Outcome, State, StepBody } from '../api/wire'

/** The steps as the server knows them. */
export type Verb =
  | 'acknowledge'
  | 'assign'
  | 'dispatch'
  | 'arrive'
  | 'release'
  | 'escalate'
  | 'note'
  | 'resolve'
  | 'reopen'
  | 'shelve'
  | 'unshelve'

/** The steps as a person takes them: `take` gives it to oneself while another has it. */
export type Action = Verb | 'take'

/** Who takes the step. */
export interface Taker {
  name: string
  /** A lead may do what an officer may not. */
  leads: boolean
}

export interface VerbRule {
  from: readonly State[]
  /** Asks who. */
  to: boolean
  /** Asks until when. */
  until: boolean
  /** Asks how it ended. */
  outcome: boolean
  note: 'none' | 'optional' | 'required'
}

const UNRESOLVED: readonly State[] = ['open', 'acknowledged', 'dispatched']
const PLAIN: VerbRule = { from: UNRESOLVED, to: false, until: false, outcome: false, note: 'none' }

export const VERBS: Record<Action, VerbRule> = {
  acknowledge: { ...PLAIN, from: ['open'] },
  dispatch: { ...PLAIN, to: true, note: 'optional' },
  resolve: { ...PLAIN, outcome: true, note: 'required' },
  note: { ...PLAIN, from: [...UNRESOLVED, 'resolved', 'closed'], note: 'required' },
  arrive: { ...PLAIN, from: ['dispatched'] },
  assign: { ...PLAIN, to: true, note: 'optional' },
  take: { ...PLAIN, from: ['acknowledged', 'dispatched'], note: 'required' },
  release: { ...PLAIN, from: ['acknowledged', 'dispatched'], note: 'optional' },
  escalate: { ...PLAIN, note: 'required' },
  reopen: { ...PLAIN, from: ['resolved', 'closed'], note: 'required' },
  shelve: { ...PLAIN, until: true, note: 'required' },
  unshelve: PLAIN,
}

export const OUTCOMES: readonly Outcome[] = ['real', 'false', 'test', 'drill']
/** What a shelving lasts, in minutes, to choose from; and the longest that the server takes. */
export const SHELVINGS: readonly number[] = [30, 120, 480]
export const LONGEST_SHELVING = 7 * 86_400_000 // ms

/** The step of the server that an action is. */
export function verbOf(action: Action): Verb {
  return action === 'take' ? 'assign' : action
}

/** Whether a step makes sense for the incident as it is on the screen; the server has the last word. */
export function isPossible(action: Action, incident: Incident, by: Taker): boolean {
  if (!VERBS[action].from.includes(incident.state)) return false
  switch (action) {
    case 'arrive':
      return incident.arrived_at === null
    case 'escalate':
      return incident.tier !== 'district'
    case 'take':
      return incident.owner !== null && incident.owner !== by.name
    case 'shelve':
      return incident.shelved_until === null && !isLeadsOnly(incident, by)
    case 'unshelve':
      return incident.shelved_until !== null && !isLeadsOnly(incident, by)
    default:
      return true
  }
}

/** Whether only a lead may put this aside, or bring it back, and this person leads nobody. */
export function isLeadsOnly(incident: Incident, by: Taker): boolean {
  return incident.kind === 'press' && !by.leads
}

/** Whether a step asks something before it is taken. */
export function asksFirst(action: Action): boolean {
  const rule = VERBS[action]
  return rule.to || rule.until || rule.outcome || rule.note !== 'none'
}

/** What a person filled in. */
export interface Answers {
  to: string
  /** RFC 3339. */
  until: string | null
  outcome: Outcome | null
  note: string
}

export const NOTHING: Answers = { to: '', until: null, outcome: null, note: '' }

/** Whether the step must say why: also to take an incident from somebody who has it. */
export function needsNote(action: Action, incident: Incident, answers: Answers, by: Taker): boolean {
  if (action !== 'assign') return VERBS[action].note === 'required'
  return incident.owner !== null && incident.owner !== by.name && incident.owner !== answers.to.trim()
}

export type Missing = 'to' | 'until' | 'outcome' | 'note'

/** The first thing that is still to be filled in, or null; `now` is epoch milliseconds. */
export function missing(action: Action, incident: Incident, answers: Answers, by: Taker, now: number): Missing | null {
  const rule = VERBS[action]
  if (rule.to && answers.to.trim() === '') return 'to'
  if (rule.until && !isShelvingEnd(answers.until, now)) return 'until'
  if (rule.outcome && answers.outcome === null) return 'outcome'
  if (needsNote(action, incident, answers, by) && answers.note.trim() === '') return 'note'
  return null
}

function isShelvingEnd(until: string | null, now: number): boolean {
  const lasts = until === null ? NaN : Date.parse(until) - now
  return lasts > 0 && lasts <= LONGEST_SHELVING
}

/** What is sent: the version that the officer saw, and only what this step asks for. */
export function bodyOf(action: Action, version: number, answers: Answers, by: Taker): StepBody {
  const rule = VERBS[action]
  const body: StepBody = { version }
  if (rule.to) body.to = answers.to.trim()
  if (action === 'take') body.to = by.name
  if (rule.until && answers.until !== null) body.until = answers.until
  if (rule.outcome && answers.outcome !== null) body.outcome = answers.outcome
  if (rule.note !== 'none' && answers.note.trim() !== '') body.note = answers.note.trim()
  return body
}
