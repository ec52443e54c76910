/** Taking steps: on the incident that is selected, with the version that is on the screen, once. */
import { reactive } from 'vue'
import { takeStep } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { Incident, Problem } from '../api/wire'
import { t } from '../i18n'
import { STATE_WORD } from '../i18n/words'
import { NOTHING, asksFirst, bodyOf, isLeadsOnly, isPossible, verbOf, type Action, type Answers } from '../steps/verbs'
import { desk, known, selected, selectedGone, touch } from './desk'
import { stale } from './live'
import { session, taker } from './session'
import { hush } from './sound'
import { tell } from './toasts'

/** Steps on their way or done, as `id verb version`: the same key pressed twice sends one. */
const sent = reactive(new Set<string>())

const nameOf = (action: Action, incident: Incident, version: number): string => `${incident.id} ${action} ${version}`

export function isUnderway(action: Action, incident: Incident): boolean {
  return sent.has(nameOf(action, incident, incident.version))
}

/** A key or a button: take the step on the selected incident, or open the form that it needs. */
export function begin(action: Action): void {
  touch()
  const incident = selected.value
  if (incident === null) return tell(t('selectFirst'))
  if (selectedGone.value) return tell(t('goneNothingDone'), 'warning')
  if (stale.value) return tell(t('staleRefuse'), 'warning')
  if (!isPossible(action, incident, taker.value)) return tellImpossible(action, incident)
  if (asksFirst(action)) {
    desk.form = { action, id: incident.id, version: incident.version }
    desk.view = 'detail'
  } else void send(action, incident, incident.version, NOTHING)
}

/** One key for both: put aside, or bring back. */
export function beginShelving(): void {
  begin(selected.value !== null && selected.value.shelved_until !== null ? 'unshelve' : 'shelve')
}

/** Bring an incident of the shelved list back, whatever is selected. */
export function bringBack(incident: Incident): void {
  touch()
  if (stale.value) return tell(t('staleRefuse'), 'warning')
  if (!isPossible('unshelve', incident, taker.value)) return tellImpossible('unshelve', incident)
  void send('unshelve', incident, incident.version, NOTHING)
}

function tellImpossible(action: Action, incident: Incident): void {
  const shelving = action === 'shelve' || action === 'unshelve'
  if (shelving && isLeadsOnly(incident, taker.value)) return tell(t('leadsOnly'))
  if (action === 'take') return tell(t(incident.owner === null ? 'takeNobody' : 'takeYours'))
  if (action !== 'acknowledge') return tell(t('stepImpossible', { state: t(STATE_WORD[incident.state]) }))
  if (incident.owner !== null && incident.owner !== session.me?.name) tell(t('lostClaim', { owner: incident.owner }))
  // ours already: the second A does nothing
}

/** Confirm the open form. Returns whether it is done; the form stays open otherwise. */
export async function confirm(answers: Answers): Promise<boolean> {
  const form = desk.form
  if (form === null) return false
  const incident = known(form.id)
  if (incident === null) return false
  if (stale.value) {
    tell(t('staleRefuse'), 'warning')
    return false
  }
  const done = await send(form.action, incident, form.version, answers)
  // only this form: meanwhile the officer may have opened another
  if (desk.form === form) {
    if (done) desk.form = null
    else form.version = known(form.id)?.version ?? form.version
  }
  return done
}

async function send(action: Action, incident: Incident, version: number, answers: Answers): Promise<boolean> {
  const name = nameOf(action, incident, version)
  if (sent.has(name)) return false
  sent.add(name)
  try {
    const before = incident.tier // the board may move on while the answer comes
    const after = await takeStep(incident.id, verbOf(action), bodyOf(action, version, answers, taker.value))
    hush(incident.id)
    // for the server, the same reason on the same version is the same request sent again
    if (action === 'escalate' && after.tier === before) tell(t('escalatedAlready'), 'warning')
    // a second note is another note; a second shelving does not change the version, either
    if (asksFirst(action) || action === 'unshelve') sent.delete(name)
    return true
  } catch (error) {
    sent.delete(name)
    if (error instanceof Unreachable) tell(t('stepFailed'), 'warning')
    else if (error instanceof Refused) tellRefusal(error.problem)
    else throw error
    return false
  }
}

function tellRefusal(problem: Problem): void {
  if (problem.status === 401) return // the log-in page says it
  if (problem.status !== 409) {
    tell(t('stepRefused', { detail: problem.detail ?? problem.title }), 'warning')
  } else if (problem.state === 'resolved' || problem.state === 'closed') {
    tell(t('lostResolved'), 'warning')
  } else if (problem.owner && problem.owner !== session.me?.name) {
    tell(t('lostClaim', { owner: problem.owner }), 'warning')
  } else {
    tell(t('lostOther', { state: problem.state ? t(STATE_WORD[problem.state]) : '?' }), 'warning')
  }
}
