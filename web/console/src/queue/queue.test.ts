import { describe, expect, it } from 'vitest'
import type { Incident } from '../api/wire'
import { anIncident, at } from '../testing'
import { HAND_GONE_AFTER, isHeld, shownIds, stepFrom } from './hold'
import { compareIds, makeLists } from './order'

describe('the order of the lists', () => {
  it('puts what waits first, critical first, the longest waiting first; then what somebody has, the newest first', () => {
    const lists = makeLists(
      [
        anIncident({ id: '1', state: 'acknowledged', owner: '张三', opened_at: at(1) }),
        anIncident({ id: '2', priority: 'medium', opened_at: at(2) }),
        anIncident({ id: '3', opened_at: at(3) }),
        anIncident({ id: '4', opened_at: at(4), cancelled_at: at(5) }),
        anIncident({ id: '5', priority: 'high', opened_at: at(5) }),
        anIncident({ id: '6', opened_at: at(6) }),
        anIncident({ id: '7', state: 'dispatched', owner: '张三', opened_at: at(7) }),
      ],
      null,
    )
    expect(lists.alarms.map((one) => one.id)).toEqual(['3', '6', '5', '2', '4', '7', '1'])
  })

  it('keeps notices and the resolved apart, and one site apart from another', () => {
    const all = [
      anIncident({ id: '1', priority: 'low', kind: 'offline', updated_at: at(1) }),
      anIncident({ id: '2', priority: 'low', kind: 'offline', updated_at: at(2) }),
      anIncident({ id: '3', state: 'resolved' }),
      anIncident({ id: '4', site: 'liujiang' }),
    ]
    const lists = makeLists(all, null)
    expect(lists.quiet.map((one) => one.id)).toEqual(['2', '1'])
    expect(lists.resolved.map((one) => one.id)).toEqual(['3'])
    expect(lists.alarms.map((one) => one.id)).toEqual(['4'])
    expect(makeLists(all, 'zhihuo').alarms).toEqual([])
  })

  it('puts what is quiet and what is shelved into lists of their own; a press is never quiet', () => {
    const lists = makeLists(
      [
        anIncident({ id: '1', priority: 'low', kind: 'offline', updated_at: at(9) }),
        anIncident({ id: '2', kind: 'fire', quiet: 'chattering', updated_at: at(1) }),
        anIncident({ id: '3', quiet: 'maintenance' }),
        anIncident({ id: '4', shelved_until: at(7200), shelved_by: '李四' }),
        anIncident({ id: '5', priority: 'low', shelved_until: at(60), shelved_by: '李四', site: 'liujiang' }),
        anIncident({ id: '6', state: 'resolved', shelved_until: at(60), shelved_by: '李四' }),
      ],
      'zhihuo',
    )
    const ids = Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list.map((one: Incident) => one.id)]))
    expect(ids).toEqual({ alarms: ['3'], quiet: ['2', '1'], shelved: ['5', '4'], resolved: ['6'] })
  })

  it.each([
    ['9', '10', -1],
    ['10', '9', 1],
    ['9007199254740993', '9007199254740992', 1],
    ['7', '7', 0],
  ])('compares the ids %s and %s as numbers', (a, b, sign) => {
    expect(Math.sign(compareIds(a, b))).toBe(sign)
  })
})

describe('a held list', () => {
  it.each([
    [{ pointerInside: false, focusInside: false, chosenByHand: false }, 0, false],
    [{ pointerInside: true, focusInside: false, chosenByHand: false }, 0, true],
    [{ pointerInside: false, focusInside: true, chosenByHand: false }, 0, true],
    [{ pointerInside: false, focusInside: false, chosenByHand: true }, HAND_GONE_AFTER - 1, true],
    [{ pointerInside: true, focusInside: true, chosenByHand: true }, HAND_GONE_AFTER, false],
  ])('%j, %i ms after the last move: held is %s', (grip, since, held) => {
    expect(isHeld(grip, 5_000, 5_000 + since)).toBe(held)
  })

  it('keeps its rows in place, the ended ones too, and counts the new ones above it', () => {
    expect(shownIds(['b', 'a', 'x'], ['n', 'a', 'b', 'm'])).toEqual({ ids: ['b', 'a', 'x'], waiting: ['n', 'm'] })
    expect(shownIds(null, ['n', 'a'])).toEqual({ ids: ['n', 'a'], waiting: [] })
  })

  it.each([
    [['a', 'b', 'c'], 'b', 1, 'c'],
    [['a', 'b', 'c'], 'b', -1, 'a'],
    [['a', 'b', 'c'], 'c', 1, 'c'],
    [['a', 'b', 'c'], 'a', -1, 'a'],
    [['a', 'b', 'c'], null, 1, 'a'],
    [['a', 'b', 'c'], 'gone', -1, 'a'],
    [[], 'gone', 1, null],
  ] as const)('in %j a step from %s by %i leads to %s', (ids, from, by, to) => {
    expect(stepFrom(ids, from, by)).toBe(to)
  })
})
