import { expect, it } from 'vitest'
import type { Incident, State } from '../api/wire'
import { START, anIncident, at } from '../testing'
import { LONGEST_SHELVING, NOTHING, bodyOf, isPossible, missing, verbOf, type Action, type Answers } from './verbs'

const zhang = { name: '张三', leads: false }
const lead = { name: '王主任', leads: true }
const fire = anIncident({ kind: 'fire' })

it.each<[Action, State[]]>([
  ['acknowledge', ['open']],
  ['dispatch', ['open', 'acknowledged', 'dispatched']],
  ['resolve', ['open', 'acknowledged', 'dispatched']],
  ['arrive', ['dispatched']],
  ['release', ['acknowledged', 'dispatched']],
  ['reopen', ['resolved', 'closed']],
  ['shelve', ['open', 'acknowledged', 'dispatched']],
  ['note', ['open', 'acknowledged', 'dispatched', 'resolved', 'closed']],
])('%s is possible in %j alone', (action, states) => {
  const all: State[] = ['open', 'acknowledged', 'dispatched', 'resolved', 'closed']
  expect(all.filter((state) => isPossible(action, anIncident({ kind: 'fire', state }), zhang))).toEqual(states)
})

it('arrives once, and goes no higher than the district', () => {
  expect(isPossible('arrive', anIncident({ state: 'dispatched', arrived_at: at(0) }), zhang)).toBe(false)
  expect(isPossible('escalate', anIncident({ tier: 'district' }), zhang)).toBe(false)
})

it.each<[string, Partial<Incident>, boolean]>([
  ['nobody has', {}, false],
  ['I have', { state: 'acknowledged', owner: '张三' }, false],
  ['another has', { state: 'acknowledged', owner: '李四' }, true],
  ['another had', { state: 'resolved', owner: '李四' }, false],
])('what %s can be taken over: %j is %s', (_name, given, expected) => {
  expect(isPossible('take', anIncident(given), zhang)).toBe(expected)
})

it.each([
  ['a fire', 'fire', zhang, true],
  ['a press', 'press', zhang, false],
  ['a press, by a lead,', 'press', lead, true],
])('%s can be shelved and unshelved: %s', (_name, kind, by, expected) => {
  const there = anIncident({ kind })
  const shelved = anIncident({ kind, shelved_until: at(60), shelved_by: '李四' })
  expect(isPossible('shelve', there, by)).toBe(expected)
  expect(isPossible('unshelve', shelved, by)).toBe(expected)
  expect(isPossible('shelve', shelved, by)).toBe(false)
  expect(isPossible('unshelve', there, by)).toBe(false)
})

const later = (ms: number): string => new Date(START + ms).toISOString()

it.each<[Action, Partial<Answers>, string | null]>([
  ['acknowledge', {}, null],
  ['dispatch', {}, 'to'],
  ['dispatch', { to: '  ' }, 'to'],
  ['dispatch', { to: '王五' }, null],
  ['resolve', { note: 'x' }, 'outcome'],
  ['resolve', { outcome: 'false' }, 'note'],
  ['resolve', { outcome: 'false', note: '误触' }, null],
  ['note', { note: ' ' }, 'note'],
  ['escalate', {}, 'note'],
  ['escalate', { note: '需要增援' }, null],
  ['shelve', { note: '施工' }, 'until'],
  ['shelve', { until: later(0), note: '施工' }, 'until'],
  ['shelve', { until: later(LONGEST_SHELVING + 1), note: '施工' }, 'until'],
  ['shelve', { until: 'no time', note: '施工' }, 'until'],
  ['shelve', { until: later(1) }, 'note'],
  ['shelve', { until: later(LONGEST_SHELVING), note: '施工' }, null],
])('%s with %j lacks %s', (action, given, lack) => {
  expect(missing(action, fire, { ...NOTHING, ...given }, zhang, START)).toBe(lack)
})

it.each<[string | null, string, string | null]>([
  [null, '李四', null],
  ['张三', '李四', null],
  ['李四', '李四', null],
  ['李四', '张三', 'note'],
])('to hand what %s has to %s lacks %s', (owner, to, lack) => {
  const incident = anIncident({ state: owner === null ? 'open' : 'acknowledged', owner })
  expect(missing('assign', incident, { ...NOTHING, to }, zhang, START)).toBe(lack)
})

it('sends the version that was seen, and only what the step asks for', () => {
  const answers: Answers = { to: ' 王五 ', until: at(60), outcome: 'real', note: ' 已处置 ' }
  const body = (action: Action): unknown => bodyOf(action, 3, answers, zhang)
  expect(body('acknowledge')).toEqual({ version: 3 })
  expect(body('dispatch')).toEqual({ version: 3, to: '王五', note: '已处置' })
  expect(body('resolve')).toEqual({ version: 3, outcome: 'real', note: '已处置' })
  expect(body('shelve')).toEqual({ version: 3, until: at(60), note: '已处置' })
  expect(body('unshelve')).toEqual({ version: 3 })
  expect(bodyOf('release', 3, NOTHING, zhang)).toEqual({ version: 3 })
})

it('takes over by giving it to oneself', () => {
  expect(verbOf('take')).toBe('assign')
  expect(bodyOf('take', 3, { ...NOTHING, note: '联系不上' }, zhang)).toEqual({ version: 3, to: '张三', note: '联系不上' })
})
