/** The steps a person can take on an incident: when each is possible and what it asks for. Pure. */
import type { Incident, Outcome, State, StepBody } from '../api/wire'

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

export interface VerbRule {
  from: readonly State[]
  /** Asks who. */
  to: boolean
  /** Asks how it ended. */
  outcome: boolean
  note: 'none' | 'optional' | 'required'
}

const UNRESOLVED: readonly State[] = ['open', 'acknowledged', 'dispatched']

export const VERBS: Record<Verb, VerbRule> = {
  acknowledge: { from: ['open'], to: false, outcome: false, note: 'none' },
  dispatch: { from: UNRESOLVED, to: true, outcome: false, note: 'optional' },
  resolve: { from: UNRESOLVED, to: false, outcome: true, note: 'required' },
  note: { from: [...UNRESOLVED, 'resolved', 'closed'], to: false, outcome: false, note: 'required' },
  arrive: { from: ['dispatched'], to: false, outcome: false, note: 'none' },
  assign: { from: UNRESOLVED, to: true, outcome: false, note: 'optional' },
  release: { from: ['acknowledged', 'dispatched'], to: false, outcome: false, note: 'optional' },
  escalate: { from: UNRESOLVED, to: false, outcome: false, note: 'optional' },
  reopen: { from: ['resolved', 'closed'], to: false, outcome: false, note: 'required' },
}

export const OUTCOMES: readonly Outcome[] = ['real', 'false', 'test', 'drill']

/** Whether a step makes sense for the incident as it is on the screen; the server has the last word. */
export function isPossible(verb: Verb, incident: Incident): boolean {
  if (verb === 'arrive' && incident.arrived_at !== null) return false
  if (verb === 'escalate' && incident.tier === 'district') return false
  return VERBS[verb].from.includes(incident.state)
}

/** Whether a step asks something before it is taken. */
export function asksFirst(verb: Verb): boolean {
  const rule = VERBS[verb]
  return rule.to || rule.outcome || rule.note !== 'none'
}

/** What a person filled in. */
export interface Answers {
  to: string
  outcome: Outcome | null
  note: string
}

export type Missing = 'to' | 'outcome' | 'note'

/** The first thing that is still to be filled in, or null. */
export function missing(verb: Verb, answers: Answers): Missing | null {
  const rule = VERBS[verb]
  if (rule.to && answers.to.trim() === '') return 'to'
  if (rule.outcome && answers.outcome === null) return 'outcome'
  if (rule.note === 'required' && answers.note.trim() === '') return 'note'
  return null
}

/** What is sent: the version that the officer saw, and only what this step asks for. */
export function bodyOf(verb: Verb, version: number, answers: Answers): StepBody {
  const rule = VERBS[verb]
  const body: StepBody = { version }
  if (rule.to) body.to = answers.to.trim()
  if (rule.outcome && answers.outcome !== null) body.outcome = answers.outcome
  if (rule.note !== 'none' && answers.note.trim() !== '') body.note = answers.note.trim()
  return body
}
