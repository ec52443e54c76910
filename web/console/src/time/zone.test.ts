import { expect, it } from 'vitest'
import { momentIn, typedIn } from './zone'

it.each([
  ['2026-11-24T16:30', 'Asia/Shanghai', '2026-11-24T08:30:00.000Z'],
  ['2026-11-24T16:30:15', 'Asia/Shanghai', '2026-11-24T08:30:15.000Z'],
  ['2026-11-24T00:10', 'Asia/Shanghai', '2026-11-23T16:10:00.000Z'],
  ['2026-03-29T03:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
  ['', 'Asia/Shanghai', null],
  ['soon', 'Asia/Shanghai', null],
])('%s typed in %s is %s', (typed, zone, moment) => {
  expect(momentIn(typed, zone)).toBe(moment)
})

it('writes a moment as it is typed there', () => {
  expect(typedIn(Date.parse('2026-11-24T08:30:15Z'), 'Asia/Shanghai')).toBe('2026-11-24T16:30')
})
