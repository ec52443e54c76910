import { describe, expect, it } from 'vitest'
import type { Frame, Hello } from '../api/wire'
import { aChange, aDevice, anIncident } from '../testing'
import { emptyBoard, mergeTimeline, receive, resumeQuery, type Board, type Effect } from './board'

const hello = (seq: number, mode: 'snapshot' | 'changes', feed = 'f'): Hello => ({
  type: 'hello',
  feed,
  sites: { zhihuo: { seq, mode } },
})

function boardAt(seq: number): Board {
  const board = emptyBoard()
  receive(board, hello(seq, 'snapshot'))
  receive(board, { type: 'snapshot', site: 'zhihuo', seq, incidents: [], devices: [aDevice()] })
  return board
}

const take = (board: Board, ...frames: Frame[]): Effect[] => frames.flatMap((frame) => receive(board, frame))
const kinds = (effects: Effect[]): string[] => effects.map((effect) => effect.kind)

describe('the board', () => {
  it('starts from a snapshot and applies what follows, once and in order', () => {
    const board = boardAt(7)
    const first = anIncident({ id: '9' })
    expect(kinds(take(board, aChange(8, first)))).toEqual(['arrived'])
    expect(kinds(take(board, aChange(8, first)))).toEqual([])
    expect(board.incidents.get('9')).toEqual(first)
    expect(board.changes.get('9')).toHaveLength(1)
    expect(resumeQuery(board)).toBe('?after=zhihuo%3A8&feed=f')
  })

  it('asks for nothing to resume at first', () => {
    expect(resumeQuery(emptyBoard())).toBe('')
  })

  it.each([
    ['a change whose predecessor is missing', aChange(9, anIncident())],
    ['a change of a site never begun', aChange(1, anIncident({ site: 'elsewhere' }))],
    ['a heartbeat ahead of what came', { type: 'heartbeat', seq: { zhihuo: 8 }, ts: '' } as Frame],
  ])('takes %s as a gap and leaves the board as it was', (_name, frame) => {
    const board = boardAt(7)
    expect(kinds(take(board, frame))).toEqual(['gap'])
    expect(board.cursors.get('zhihuo')).toBe(7)
    expect(board.incidents.size).toBe(0)
  })

  it('says how many changes it caught up on', () => {
    const board = boardAt(7)
    const effects = take(board, hello(9, 'changes'), aChange(8, anIncident()), aChange(9, anIncident({ id: '2' })))
    expect(effects.at(-1)).toEqual({ kind: 'caughtUp', replayed: 2, reloaded: false })
    expect(kinds(take(board, aChange(10, anIncident({ id: '3' }))))).toEqual(['arrived'])
  })

  it('has caught up at once when nothing was missed', () => {
    expect(take(boardAt(7), hello(7, 'changes'))).toEqual([{ kind: 'caughtUp', replayed: 0, reloaded: false }])
  })

  it('replaces a site by a snapshot, and announces only what is newly to be answered', () => {
    const board = boardAt(7)
    take(board, aChange(8, anIncident({ id: '1' })), aChange(9, anIncident({ id: '2' })))
    take(board, hello(3, 'snapshot', 'another'))
    const effects = take(board, {
      type: 'snapshot',
      site: 'zhihuo',
      seq: 3,
      incidents: [anIncident({ id: '2' }), anIncident({ id: '5' }), anIncident({ id: '6', owner: '张三', state: 'acknowledged' })],
      devices: [],
    })
    expect(effects.map((effect) => ('incident' in effect ? effect.incident.id : effect.kind))).toEqual(['5', 'caughtUp'])
    expect([...board.incidents.keys()]).toEqual(['2', '5', '6'])
    expect(board.cursors.get('zhihuo')).toBe(3)
    expect(board.feed).toBe('another')
  })

  it('forgets a site that it may no longer see', () => {
    const board = boardAt(7)
    take(board, aChange(8, anIncident()), { type: 'hello', feed: 'f', sites: {} })
    expect(board.incidents.size + board.devices.size + board.cursors.size).toBe(0)
  })

  it.each([
    ['open and critical', anIncident(), ['arrived']],
    ['low priority', anIncident({ priority: 'low', kind: 'offline' }), []],
    ['cancelled already', anIncident({ cancelled_at: '2026-11-24T04:00:00Z' }), []],
    ['somebody has it', anIncident({ state: 'acknowledged', owner: '张三' }), []],
  ])('a new incident that is %s is announced as %j', (_name, incident, expected) => {
    expect(kinds(take(boardAt(7), aChange(8, incident)))).toEqual(expected)
  })

  it('announces a repeat, and an incident that is free again', () => {
    const board = boardAt(0)
    const taken = anIncident({ state: 'acknowledged', owner: '张三', version: 2 })
    const effects = take(
      board,
      aChange(1, anIncident()),
      aChange(2, taken, { verb: 'acknowledge' }),
      aChange(3, { ...taken, count: 2 }, { verb: 'repeat' }),
      aChange(4, anIncident({ version: 3, count: 2 }), { verb: 'release' }),
    )
    expect(kinds(effects)).toEqual(['arrived', 'again', 'arrived'])
  })

  it('keeps the resolved and drops the closed', () => {
    const board = boardAt(0)
    take(board, aChange(1, anIncident()), aChange(2, anIncident({ state: 'resolved' }), { verb: 'resolve' }))
    expect(board.incidents.get('1')?.state).toBe('resolved')
    take(board, aChange(3, anIncident({ state: 'closed' }), { verb: 'close' }))
    expect(board.incidents.size).toBe(0)
    expect(board.changes.size).toBe(0)
  })

  it('takes the latest state of a device, and asks about one it does not know', () => {
    const board = boardAt(0)
    take(board, { type: 'device', site: 'zhihuo', device: 'btn-001', state: 'offline' })
    expect(board.devices.get('zhihuo/btn-001')?.state).toBe('offline')
    const effects = take(board, { type: 'device', site: 'zhihuo', device: 'new', state: 'online' })
    expect(effects).toEqual([{ kind: 'strangeDevice', site: 'zhihuo' }])
  })

  it('passes over a frame of a kind it does not know', () => {
    expect(take(boardAt(0), { type: 'weather' } as unknown as Frame)).toEqual([])
  })
})

it('a timeline fetched and one that came live make one, each number once', () => {
  const entry = (seq: number) => ({ seq, at: '', actor: 'system', verb: 'note', note: null })
  expect(mergeTimeline([entry(1), entry(4)], [entry(9), entry(4)]).map((one) => one.seq)).toEqual([1, 4, 9])
})
