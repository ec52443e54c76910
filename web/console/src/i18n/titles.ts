/** Texts that are put together from an incident: its title, what is due on it. */
import type { Incident } from '../api/wire'
import { PRESSING, countdown, dueOf, secondsLeft } from '../time/countdown'
import { t } from './index'
import { TIER_WORD } from './words'

/** The title as it stands everywhere: of a drill it says so first. */
export function titleOf(incident: Incident): string {
  return incident.drill ? t('drillTitle', { title: incident.title }) : incident.title
}

export interface DueText {
  /** As a sentence. */
  long: string
  /** As it fits a row. */
  short: string
  pressing: boolean
}

/** What happens by itself and in how long; null: nothing. `now` is the server's time, epoch milliseconds. */
export function dueText(incident: Incident, now: number): DueText | null {
  const found = dueOf(incident)
  if (found === null) return null
  const left = secondsLeft(found.at, now)
  const time = countdown(left)
  const { due } = found
  if (due.kind === 'comesBack') return { long: t('dueBack', { time }), short: t('dueBackShort', { time }), pressing: false }
  const pressing = left <= PRESSING
  if (due.kind === 'lapses') return { long: t('dueLapse', { time }), short: t('dueLapseShort', { time }), pressing }
  if (due.kind === 'answer' && left === 0) return { long: t('dueAnswerOver'), short: t('dueAnswerOver'), pressing }
  if (due.kind === 'answer') return { long: t('dueAnswer', { time }), short: t('dueAnswerShort', { time }), pressing }
  if (due.to === null) return { long: t('dueAgain', { time }), short: t('dueAgainShort', { time }), pressing }
  const tier = t(TIER_WORD[due.to])
  if (left === 0) return { long: t('dueNow', { tier }), short: t('dueNow', { tier }), pressing }
  return { long: t('dueUp', { time, tier }), short: t('dueUpShort', { time, tier }), pressing }
}
