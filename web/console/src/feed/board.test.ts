import { describe, expect, it } from 'vitest'
import type { Frame, Hello } from '../api/wire'
import { aChange, aDevice, anIncident } from '../testing'
import { beginConnection, emptyBoard, mergeTimeline, receive, resumeQuery, type Board, type Effect } from './board'

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
/** Without what follows from each press: that it must be reported. */
const kinds = (effects: Effect[]): string[] => effects.map((effect) => effect.kind).filter((kind) => kind !== 'toShow')

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
    const seen = effects.filter((effect) => effect.kind !== 'toShow')
    expect(seen.map((effect) => ('incident' in effect ? effect.incident.id : effect.kind))).toEqual(['5', 'caughtUp'])
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
    ['kept quiet', anIncident({ kind: 'fire', quiet: 'chattering' }), []],
    ['shelved', anIncident({ shelved_until: '2026-11-24T05:00:00Z', shelved_by: '李四' }), []],
    ['a drill', anIncident({ drill: true }), ['arrived']],
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

  it('says whose claim lapsed, and announces the incident anew', () => {
    const board = boardAt(0)
    const taken = anIncident({ state: 'acknowledged', owner: '张三', version: 2 })
    take(board, aChange(1, anIncident()), aChange(2, taken, { verb: 'acknowledge', actor: '张三' }))
    const free = anIncident({ version: 3 })
    const effects = take(board, aChange(3, free, { verb: 'release', actor: 'system' }))
    expect(effects).toEqual([
      { kind: 'arrived', incident: free },
      { kind: 'lapsed', incident: free, owner: '张三' },
    ])
  })

  it('announces what comes back from the shelf', () => {
    const board = boardAt(0)
    const shelved = anIncident({ kind: 'fire', shelved_until: '2026-11-24T05:00:00Z', shelved_by: '李四' })
    take(board, aChange(1, shelved, { verb: 'shelve', actor: '李四' }))
    const back = take(board, aChange(2, anIncident({ kind: 'fire' }), { verb: 'unshelve', actor: 'system' }))
    expect(kinds(back)).toEqual(['arrived'])
  })

  it('asks that each press and each repeat be shown, and what a snapshot holds open', () => {
    const owed = (effects: Effect[]): unknown[] =>
      effects.flatMap((effect) => (effect.kind === 'toShow' ? [[effect.incident.id, effect.seq]] : []))
    const board = boardAt(0)
    const taken = anIncident({ state: 'acknowledged', owner: '张三' })
    expect(owed(take(board, aChange(1, anIncident())))).toEqual([['1', 1]])
    expect(owed(take(board, aChange(2, taken, { verb: 'acknowledge' })))).toEqual([])
    expect(owed(take(board, aChange(3, taken, { verb: 'repeat' })))).toEqual([['1', 3]])
    expect(owed(take(board, aChange(4, anIncident({ id: '2', kind: 'fire' }))))).toEqual([])
    const snapshot = { type: 'snapshot' as const, site: 'zhihuo', seq: 9, devices: [] }
    const incidents = [taken, anIncident({ id: '3' }), anIncident({ id: '4', kind: 'fire' })]
    expect(owed(take(board, { ...snapshot, incidents }))).toEqual([['3', 9]])
  })

  it('takes what an older server stored as lacking nothing', () => {
    const board = boardAt(0)
    const { parts, quiet, shelved_until, drill, ...old } = anIncident()
    expect([parts, quiet, shelved_until, drill]).toEqual([['btn-001'], null, null, false])
    expect(kinds(take(board, aChange(1, old as unknown as ReturnType<typeof anIncident>)))).toEqual(['arrived'])
    expect(board.incidents.get('1')).toMatchObject({ parts: [], quiet: null, shelved_until: null, drill: false })
  })

  it('knows who is in a flood, over a new connection, whether it is told before the greeting, after it or not at all', () => {
    const officers = [{ name: '张三', since: '2026-11-24T04:00:00Z' }]
    const beat = { type: 'heartbeat' as const, seq: {}, ts: '' }
    const board = boardAt(0)
    take(board, { type: 'flood', officers }, hello(0, 'changes'), beat, beat, beat)
    expect(board.flooded).toEqual(officers)
    beginConnection(board)
    take(board, hello(0, 'changes'), beat)
    expect(board.flooded).toEqual(officers)
    take(board, { type: 'flood', officers }, beat, beat)
    expect(board.flooded).toEqual(officers)
    beginConnection(board)
    take(board, hello(0, 'changes'), beat)
    expect(board.flooded).toEqual(officers)
    take(board, beat)
    expect(board.flooded).toEqual([])
  })

  it('knows from each heartbeat whether alarms come through; a server that does not say is well', () => {
    const board = boardAt(0)
    const beat = { type: 'heartbeat' as const, seq: {}, ts: '' }
    take(board, { ...beat, pipeline: { ok: false, proven_at: '2026-11-24T04:00:00Z' } })
    expect(board.pipeline).toEqual({ ok: false, proven_at: '2026-11-24T04:00:00Z' })
    take(board, beat)
    expect(board.pipeline.ok).toBe(true)
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
