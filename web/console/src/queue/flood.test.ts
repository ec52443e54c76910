import { expect, it } from 'vitest'
import { anIncident, at } from '../testing'
import { groupByGrid, isFlooded, plainEntries, rowKeys, type Entry } from './flood'

const fire = (id: string, grid: string | null, given = {}) => anIncident({ id, grid, kind: 'fire', priority: 'high', ...given })
const shape = (entries: Entry[]): unknown[] =>
  entries.map((entry) => (entry.kind === 'group' ? [entry.key, entry.group.incidents.map((one) => one.id)] : entry.key))

it.each([
  [[], '张三', false],
  [[{ name: '李四', since: at(0) }], '张三', false],
  [[{ name: '李四', since: at(0) }, { name: '张三', since: at(0) }], '张三', true],
  [[{ name: '李四', since: at(0) }], null, false],
])('with %j in a flood, %s is in one: %s', (officers, me, expected) => {
  expect(isFlooded(officers, me)).toBe(expected)
})

it('keeps presses by themselves on top, gathers the rest by grid, and leaves alone what is alone', () => {
  const entries = groupByGrid([
    fire('1', 'a'),
    fire('2', 'b'),
    anIncident({ id: '3', grid: 'a' }),
    fire('4', 'a'),
    fire('5', null),
    fire('6', null),
    fire('7', 'a', { site: 'elsewhere' }),
    anIncident({ id: '8', grid: 'a', state: 'acknowledged', owner: '张三' }),
  ])
  expect(shape(entries)).toEqual(['3', '8', ['grid:zhihuo/a', ['1', '4']], '2', ['grid:zhihuo/', ['5', '6']], '7'])
})

it('keeps the groups of a held list where they stand when something is taken', () => {
  const before = [fire('1', 'a'), fire('2', 'b'), fire('3', 'a'), fire('4', 'b')]
  const after = before.map((one) => (one.id === '1' ? { ...one, state: 'acknowledged' as const, owner: '张三' } : one))
  expect(shape(groupByGrid(after))).toEqual(shape(groupByGrid(before)))
})

it('counts what waits in a group, and how urgent that is', () => {
  const [entry] = groupByGrid([
    fire('1', 'a', { priority: 'critical', state: 'acknowledged', owner: '张三' }),
    fire('2', 'a', { priority: 'medium' }),
    fire('3', 'a'),
  ])
  expect(entry).toMatchObject({ kind: 'group', group: { waiting: 2, worst: 'high' } })
})

it('has the rows of opened groups below them', () => {
  const entries = groupByGrid([fire('1', 'a'), fire('2', 'a'), fire('3', 'b')])
  expect(rowKeys(entries, new Set())).toEqual(['grid:zhihuo/a', '3'])
  expect(rowKeys(entries, new Set(['grid:zhihuo/a']))).toEqual(['grid:zhihuo/a', '1', '2', '3'])
  expect(rowKeys(plainEntries([fire('1', 'a'), fire('2', 'a')]), new Set())).toEqual(['1', '2'])
})
