import { describe, expect, it } from 'vitest'
import { START, anIncident, at } from '../testing'
import { LATE_AFTER, SILENCE_FOR, breaksSilence, dueTone, isSilent, silence, silenceLeft } from './demand'

const critical = anIncident({ id: '1' })
const high = anIncident({ id: '2', priority: 'high' })
const medium = anIncident({ id: '3', priority: 'medium' })
const taken = anIncident({ id: '4', state: 'acknowledged', owner: '张三' })
const nothing = new Map<string, number>()

describe('the tone that is due', () => {
  it.each([
    ['nothing', [], false, null],
    ['one that somebody has', [taken], false, null],
    ['one that the resident cancelled', [anIncident({ cancelled_at: at(1) })], false, null],
    ['a notice', [anIncident({ priority: 'low' })], false, null],
    ['a fire of a camera that chatters', [anIncident({ kind: 'fire', quiet: 'chattering' })], false, null],
    ['a press during maintenance', [anIncident({ quiet: 'maintenance' })], false, 'critical'],
    ['one that is shelved', [anIncident({ shelved_until: at(60), shelved_by: '李四' })], false, null],
    ['a drill', [anIncident({ drill: true })], false, 'critical'],
    ['a resolved one', [anIncident({ state: 'resolved' })], false, null],
    ['the worst of several', [medium, high, critical, taken], false, 'critical'],
    ['a high one', [medium, high], false, 'high'],
    ['a medium one', [medium], false, 'medium'],
    ['a broken link', [], true, 'broken'],
    ['a broken link and a medium one', [medium], true, 'broken'],
    ['a broken link and a critical one', [critical], true, 'critical'],
  ])('for %s', (_name, incidents, broken, tone) => {
    expect(dueTone(incidents, nothing, broken, false, START + 1000, 0)).toBe(tone)
  })

  it('gets louder when nobody took a critical one for a minute', () => {
    expect(dueTone([critical], nothing, false, false, START + LATE_AFTER - 1, 0)).toBe('critical')
    expect(dueTone([high, critical], nothing, false, false, START + LATE_AFTER, 0)).toBe('late')
    expect(dueTone([high], nothing, false, false, START + LATE_AFTER, 0)).toBe('high')
    expect(dueTone([taken], nothing, false, false, START + LATE_AFTER, 0)).toBe(null)
  })

  it('sounds a repeat of one that somebody has, for a while', () => {
    const echoes = new Map([['4', 5_000]])
    expect(dueTone([taken], echoes, false, false, START + LATE_AFTER, 4_999)).toBe('critical')
    expect(dueTone([taken], echoes, false, false, START + LATE_AFTER, 5_000)).toBe(null)
  })
})

describe('a flood', () => {
  const fire = anIncident({ id: '8', kind: 'fire' })
  const crowd = anIncident({ id: '9', kind: 'crowd', priority: 'medium' })
  const fall = anIncident({ id: '7', kind: 'fall', priority: 'high' })
  it.each([
    ['everything but presses has one sound', [fire, crowd, fall], 'flood'],
    ['a press sounds by itself', [fire, critical], 'critical'],
    ['what is taken is silent', [anIncident({ kind: 'fire', state: 'acknowledged', owner: '张三' })], null],
  ])('%s', (_name, incidents, expected) => {
    expect(dueTone(incidents, nothing, false, true, START + LATE_AFTER - 1, 0)).toBe(expected)
  })

  it('has no sound for a repeat but of a press, and only a press breaks the silence', () => {
    const echoes = new Map([['4', 5_000], ['8', 5_000]])
    const owned = anIncident({ ...fire, state: 'acknowledged', owner: '张三' })
    expect(dueTone([owned], echoes, false, true, START, 0)).toBe(null)
    expect(dueTone([owned, taken], echoes, false, true, START, 0)).toBe('critical')
    expect(breaksSilence(fire, true)).toBe(false)
    expect(breaksSilence(fire, false)).toBe(true)
    expect(breaksSilence(critical, true)).toBe(true)
  })
})

describe('silence', () => {
  it('lasts two minutes from the first asking, however often it is asked for', () => {
    const first = silence(null, 'critical', 1_000)
    const second = silence(first, 'critical', 61_000)
    expect(second).toBe(1_000 + SILENCE_FOR)
    expect(isSilent(second, 120_999)).toBe(true)
    expect(isSilent(second, 121_000)).toBe(false)
    expect(silenceLeft(second, 61_000)).toBe(60)
    expect(silenceLeft(second, 200_000)).toBe(0)
  })

  it('needs something to silence', () => {
    expect(silence(null, null, 0)).toBe(null)
    expect(silenceLeft(null, 0)).toBe(0)
  })

  it('is broken by a critical one alone', () => {
    expect(breaksSilence(critical, false)).toBe(true)
    expect(breaksSilence(high, false)).toBe(false)
    expect(breaksSilence(anIncident({ cancelled_at: at(1) }), false)).toBe(false)
  })
})
