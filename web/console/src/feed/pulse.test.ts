import { expect, it } from 'vitest'
import { endingOf, isStale, waitBeforeRetry } from './pulse'

it.each([
  [null, 0, true],
  [1000, 1000, false],
  [1000, 6999, false],
  [1000, 7000, true],
  [1000, 60_000, true],
])('heard at %s, now %s: stale is %s', (heard, now, stale) => {
  expect(isStale(heard, now)).toBe(stale)
})

it('waits longer after each failure, never above two seconds, never at once', () => {
  for (const chance of [0, 0.5, 0.999]) {
    const waits = [0, 1, 2, 3, 4, 5, 50, 5000].map((failures) => waitBeforeRetry(failures, chance))
    expect(waits).toEqual([...waits].sort((a, b) => a - b))
    expect(Math.max(...waits)).toBeLessThanOrEqual(2000)
    expect(Math.min(...waits)).toBeGreaterThan(100)
  }
})

it.each([
  [4401, 'loggedOut'],
  [1013, 'retry'],
  [1006, 'retry'],
  [1000, 'retry'],
])('an end with %s means %s', (code, ending) => {
  expect(endingOf(code)).toBe(ending)
})
