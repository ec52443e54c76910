import { expect, it } from 'vitest'
import type { State } from '../api/wire'
import { anIncident } from '../testing'
import { bodyOf, isPossible, missing, type Answers, type Verb } from './verbs'

const none: Answers = { to: '', outcome: null, note: '' }

it.each<[Verb, State[]]>([
  ['acknowledge', ['open']],
  ['dispatch', ['open', 'acknowledged', 'dispatched']],
  ['resolve', ['open', 'acknowledged', 'dispatched']],
  ['arrive', ['dispatched']],
  ['release', ['acknowledged', 'dispatched']],
  ['reopen', ['resolved', 'closed']],
  ['note', ['open', 'acknowledged', 'dispatched', 'resolved', 'closed']],
])('%s is possible in %j alone', (verb, states) => {
  const all: State[] = ['open', 'acknowledged', 'dispatched', 'resolved', 'closed']
  expect(all.filter((state) => isPossible(verb, anIncident({ state })))).toEqual(states)
})

it('arrives once, and goes no higher than the district', () => {
  expect(isPossible('arrive', anIncident({ state: 'dispatched', arrived_at: '2026-11-24T04:00:00Z' }))).toBe(false)
  expect(isPossible('escalate', anIncident({ tier: 'district' }))).toBe(false)
})

it.each<[Verb, Partial<Answers>, string | null]>([
  ['acknowledge', {}, null],
  ['dispatch', {}, 'to'],
  ['dispatch', { to: '  ' }, 'to'],
  ['dispatch', { to: '王五' }, null],
  ['resolve', { note: 'x' }, 'outcome'],
  ['resolve', { outcome: 'false' }, 'note'],
  ['resolve', { outcome: 'false', note: '误触' }, null],
  ['note', { note: ' ' }, 'note'],
])('%s with %j lacks %s', (verb, given, lack) => {
  expect(missing(verb, { ...none, ...given })).toBe(lack)
})

it('sends the version that was seen, and only what the step asks for', () => {
  const answers: Answers = { to: ' 王五 ', outcome: 'real', note: ' 已处置 ' }
  expect(bodyOf('acknowledge', 3, answers)).toEqual({ version: 3 })
  expect(bodyOf('dispatch', 3, answers)).toEqual({ version: 3, to: '王五', note: '已处置' })
  expect(bodyOf('resolve', 3, answers)).toEqual({ version: 3, outcome: 'real', note: '已处置' })
  expect(bodyOf('release', 3, none)).toEqual({ version: 3 })
})
