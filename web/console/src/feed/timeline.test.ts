import { expect, it } from 'vitest'
import { at } from '../testing'
import { latestRepeat, ownedSince } from './timeline'

const lines = (verbs: string[]) => verbs.map((verb, n) => ({ seq: n, at: at(n), actor: '', verb, note: null }))

it.each<[string[], number | null]>([
  [['open'], null],
  [['open', 'acknowledge'], 1],
  [['open', 'acknowledge', 'repeat', 'note'], 1],
  [['open', 'dispatch'], 1],
  [['open', 'acknowledge', 'dispatch'], 1],
  [['open', 'acknowledge', 'assign'], 2],
  [['open', 'acknowledge', 'release'], null],
  [['open', 'acknowledge', 'release', 'acknowledge'], 3],
  [['open', 'acknowledge', 'resolve', 'reopen'], null],
])('%j: owned since line %s', (verbs, line) => {
  expect(ownedSince(lines(verbs))).toBe(line === null ? null : at(line))
})

it.each<[string[], number | null]>([
  [['open', 'note'], 0],
  [['open', 'repeat', 'acknowledge', 'repeat', 'note'], 3],
  [['note'], null],
])('%j: last said on line %s', (verbs, line) => {
  expect(latestRepeat(lines(verbs))).toBe(line === null ? null : at(line))
})
