import { expect, it } from 'vitest'
import { ago, clockTime, counter, day, minuteTime, momentTime } from './format'

const now = Date.parse('2026-11-24T06:03:22Z')

it('shows a site its own time', () => {
  expect(clockTime(now, 'Asia/Shanghai')).toBe('14:03:22')
  expect(clockTime('2026-11-23T16:00:00Z', 'Asia/Shanghai')).toBe('00:00:00')
  expect(day(Date.parse('2026-11-23T16:00:00Z'), 'Asia/Shanghai')).toBe('2026-11-24')
  expect(momentTime('2026-11-24T00:00:01Z', now, 'Asia/Shanghai')).toBe('08:00:01')
  expect(momentTime('2026-11-23T06:03:22Z', now, 'Asia/Shanghai')).toBe('11-23 14:03')
  expect(minuteTime('2026-11-24T00:00:01Z', now, 'Asia/Shanghai')).toBe('08:00')
  expect(minuteTime('2026-11-23T06:03:22Z', now, 'Asia/Shanghai')).toBe('11-23 14:03')
})

it.each([
  ['2026-11-24T06:03:22Z', '00:00'],
  ['2026-11-24T06:02:40Z', '00:42'],
  ['2026-11-24T05:00:00Z', '1:03:22'],
  ['2026-11-24T07:00:00Z', '00:00'],
])('since %s it has lasted %s', (from, text) => {
  expect(counter(from, now)).toBe(text)
})

it.each([
  ['2026-11-24T06:03:10Z', { unit: 'seconds', n: 12 }],
  ['2026-11-24T06:01:22Z', { unit: 'minutes', n: 2 }],
  ['2026-11-24T01:03:22Z', { unit: 'hours', n: 5 }],
  ['2026-11-21T06:03:22Z', { unit: 'days', n: 3 }],
  ['2026-11-24T06:03:23Z', { unit: 'seconds', n: 0 }],
])('%s was %j ago', (at, expected) => {
  expect(ago(at, now)).toEqual(expected)
})
