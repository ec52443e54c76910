import { expect, it } from 'vitest'
import type { Incident } from '../api/wire'
import { START, anIncident, at } from '../testing'
import { countdown, dueOf, secondsLeft } from './countdown'

it.each<[string, Partial<Incident>, ReturnType<typeof dueOf>]>([
  ['open', { deadline: at(30) }, { at: at(30), due: { kind: 'goesUp', to: 'community' } }],
  ['with the community', { deadline: at(30), tier: 'community' }, { at: at(30), due: { kind: 'goesUp', to: 'district' } }],
  ['with the district', { deadline: at(30), tier: 'district' }, { at: at(30), due: { kind: 'goesUp', to: null } }],
  ['a camera\'s', { deadline: at(60), kind: 'fall' }, { at: at(60), due: { kind: 'answer' } }],
  ['a camera\'s that went up', { deadline: at(60), kind: 'fall', tier: 'community' }, { at: at(60), due: { kind: 'goesUp', to: 'district' } }],
  ['owned', { deadline: at(600), state: 'dispatched', owner: '张三' }, { at: at(600), due: { kind: 'lapses' } }],
  ['shelved', { deadline: at(30), shelved_until: at(60) }, { at: at(60), due: { kind: 'comesBack' } }],
  ['resolved', { deadline: at(30), state: 'resolved' }, null],
  ['without a deadline', {}, null],
])('what is due on one that is %s', (_name, given, expected) => {
  expect(dueOf(anIncident(given))).toEqual(expected)
})

it.each([
  [0, 30, '0:30'],
  [29.2, 30, '0:01'],
  [40, 30, '0:00'],
  [0, 130, '2:10'],
  [0, 3723, '1:02:03'],
  [0, 97_200, '27 h'],
])('at %s s, what is due at %s s is %s away', (now, due, text) => {
  expect(countdown(secondsLeft(at(due), START + now * 1000))).toBe(text)
})
