/**
 * What the console knows, made of feed frames alone: each change applied once, in order, none left out. Pure.
 *
 * `receive` changes the board in place (a store makes it reactive) and returns what else should happen.
 */
import type {
  Change,
  Device,
  FloodedOfficer,
  Frame,
  Hello,
  Incident,
  Pipeline,
  Snapshot,
  TimelineEntry,
} from '../api/wire'

export interface Board {
  /** The identity of the database's feed: the cursors mean nothing for another one. */
  feed: string | null
  /** Site → number of the last change applied here. */
  cursors: Map<string, number>
  /** All incidents that are not closed, by id. */
  incidents: Map<string, Incident>
  /** All devices by `site/device`. */
  devices: Map<string, Device>
  /** Incident id → its changes since this page came to know it, oldest first. */
  changes: Map<string, TimelineEntry[]>
  /** Site → the number to reach until this connection has caught up. */
  behind: Map<string, number>
  /** Changes applied since the last hello while catching up. */
  replayed: number
  /** Whether a site's picture was taken anew since the last hello. */
  reloaded: boolean
  /** Who is in a flood, as far as it concerns this console. */
  flooded: FloodedOfficer[]
  /** Whether this connection has said who is in a flood, and how many heartbeats it has brought. */
  floodTold: boolean
  beats: number
  /** Whether an alarm still gets from the broker to here, as last heard. */
  pipeline: Pipeline
}

export type Effect =
  /** A thing to be answered that this console did not know as such. */
  | { kind: 'arrived'; incident: Incident }
  /** The same button again: it sounds again. */
  | { kind: 'again'; incident: Incident }
  /** A press (again) that this console must report once it is on the screen. */
  | { kind: 'toShow'; incident: Incident; seq: number }
  /** The claim of `owner` ended by itself: the incident is on the board again. */
  | { kind: 'lapsed'; incident: Incident; owner: string }
  /** All that was missed is here. */
  | { kind: 'caughtUp'; replayed: number; reloaded: boolean }
  /** A number is missing: come back from the last one. */
  | { kind: 'gap'; site: string }
  /** A device that is not on the picture: ask for the picture again. */
  | { kind: 'strangeDevice'; site: string }

/** By this heartbeat of a connection, a flood would have been told. */
const SAID_BY = 2
const ALL_WELL: Pipeline = { ok: true, proven_at: null }

export function emptyBoard(): Board {
  return {
    feed: null,
    cursors: new Map(),
    incidents: new Map(),
    devices: new Map(),
    changes: new Map(),
    behind: new Map(),
    replayed: 0,
    reloaded: false,
    flooded: [],
    floodTold: false,
    beats: 0,
    pipeline: ALL_WELL,
  }
}

/**
 * A new connection begins. Who is in a flood stays until it says so itself, so that a list that is gathered does not come
 * apart for a moment; it may say so even before its greeting, and says nothing when nobody is.
 */
export function beginConnection(board: Board): void {
  board.floodTold = false
  board.beats = 0
}

/** The query string with which a connection resumes where this board stands; empty at first. */
export function resumeQuery(board: Board): string {
  if (board.feed === null || board.cursors.size === 0) return ''
  const after = [...board.cursors].map(([site, seq]) => `${site}:${seq}`).join(',')
  return `?after=${encodeURIComponent(after)}&feed=${encodeURIComponent(board.feed)}`
}

export function deviceKey(site: string, device: string): string {
  return `${site}/${device}`
}

/** What an incident lacks that was stored before the server knew of it. */
const NEWER = {
  parts: [],
  answered_at: null,
  dispatched_to: null,
  quiet: null,
  shelved_until: null,
  shelved_by: null,
  drill: false,
} satisfies Partial<Incident>

/** An incident with every field, whatever server stored it. */
export function complete(incident: Incident): Incident {
  return { ...NEWER, ...incident }
}

/** Whether it is meant to be answered at all: not low, not kept quiet (a press never is), not put aside. */
export function isAlarm(incident: Incident): boolean {
  const quiet = incident.quiet !== null && incident.kind !== 'press'
  return incident.priority !== 'low' && !quiet && incident.shelved_until === null
}

/** Whether an incident is one that a person must answer now: on the alarm list, nobody has it, not taken back. */
export function demands(incident: Incident): boolean {
  return incident.state === 'open' && isAlarm(incident) && incident.cancelled_at === null
}

/** Take one frame in. A gap leaves the board as it was. */
export function receive(board: Board, frame: Frame): Effect[] {
  switch (frame.type) {
    case 'hello':
      return greet(board, frame)
    case 'snapshot':
      return replaceSite(board, frame)
    case 'change':
      return apply(board, frame)
    case 'device': {
      const device = board.devices.get(deviceKey(frame.site, frame.device))
      if (device === undefined) return [{ kind: 'strangeDevice', site: frame.site }]
      if (device.state !== frame.state) {
        board.devices.set(deviceKey(frame.site, frame.device), { ...device, state: frame.state })
      }
      return []
    }
    case 'heartbeat':
      for (const [site, seq] of Object.entries(frame.seq)) {
        const here = board.cursors.get(site)
        // frames of one connection keep their order, so a higher number than ours means that one is lost
        if (here !== undefined && seq > here) return [{ kind: 'gap', site }]
      }
      board.pipeline = frame.pipeline ?? ALL_WELL
      board.beats += 1
      // a flood is told within a second of joining: nobody is in one
      if (board.beats === SAID_BY && !board.floodTold) board.flooded = []
      return []
    case 'flood':
      board.flooded = frame.officers
      board.floodTold = true
      return []
    default:
      return [] // a later server may say more than we know
  }
}

function greet(board: Board, hello: Hello): Effect[] {
  board.feed = hello.feed
  board.replayed = 0
  board.reloaded = false
  board.behind.clear()
  for (const site of [...board.cursors.keys()]) {
    if (!(site in hello.sites)) forgetSite(board, site)
  }
  for (const [site, { seq, mode }] of Object.entries(hello.sites)) {
    if (mode === 'snapshot' || seq > (board.cursors.get(site) ?? 0)) board.behind.set(site, seq)
  }
  return board.behind.size === 0 ? [caughtUp(board)] : []
}

function forgetSite(board: Board, site: string): void {
  board.cursors.delete(site)
  for (const incident of [...board.incidents.values()]) {
    if (incident.site === site) forgetIncident(board, incident.id)
  }
  for (const [key, device] of [...board.devices]) {
    if (device.site === site) board.devices.delete(key)
  }
}

function forgetIncident(board: Board, id: string): void {
  board.incidents.delete(id)
  board.changes.delete(id)
}

function replaceSite(board: Board, snapshot: Snapshot): Effect[] {
  const demandedBefore = new Set(
    [...board.incidents.values()].filter((one) => one.site === snapshot.site && demands(one)).map((one) => one.id),
  )
  forgetSite(board, snapshot.site)
  const incidents = snapshot.incidents.map(complete)
  for (const incident of incidents) board.incidents.set(incident.id, incident)
  for (const device of snapshot.devices) board.devices.set(deviceKey(device.site, device.device), device)
  board.cursors.set(snapshot.site, snapshot.seq)
  board.reloaded = true
  const effects: Effect[] = incidents
    .filter((one) => demands(one) && !demandedBefore.has(one.id))
    .map((incident) => ({ kind: 'arrived', incident }))
  for (const incident of incidents) {
    if (incident.kind === 'press' && incident.state === 'open') {
      effects.push({ kind: 'toShow', incident, seq: snapshot.seq })
    }
  }
  return [...effects, ...reached(board, snapshot.site, snapshot.seq)]
}

function apply(board: Board, change: Change): Effect[] {
  const last = board.cursors.get(change.site)
  if (last === undefined || change.seq > last + 1) return [{ kind: 'gap', site: change.site }]
  if (change.seq <= last) return []
  board.cursors.set(change.site, change.seq)
  const incident = complete(change.incident)
  const before = board.incidents.get(incident.id)
  if (incident.state === 'closed') forgetIncident(board, incident.id)
  else {
    board.incidents.set(incident.id, incident)
    const { seq, at, actor, verb, note } = change
    board.changes.set(incident.id, [...(board.changes.get(incident.id) ?? []), { seq, at, actor, verb, note }])
  }
  const effects: Effect[] = []
  if (demands(incident) && (before === undefined || !demands(before))) effects.push({ kind: 'arrived', incident })
  else if (change.verb === 'repeat' && isAlarm(incident)) effects.push({ kind: 'again', incident })
  if (incident.kind === 'press' && (change.verb === 'open' || change.verb === 'repeat')) {
    effects.push({ kind: 'toShow', incident, seq: change.seq })
  }
  if (change.verb === 'release' && change.actor === 'system' && before !== undefined && before.owner !== null) {
    effects.push({ kind: 'lapsed', incident, owner: before.owner })
  }
  if (board.behind.has(change.site)) board.replayed += 1
  return [...effects, ...reached(board, change.site, change.seq)]
}

function reached(board: Board, site: string, seq: number): Effect[] {
  const goal = board.behind.get(site)
  if (goal === undefined || seq < goal) return []
  board.behind.delete(site)
  return board.behind.size === 0 ? [caughtUp(board)] : []
}

function caughtUp(board: Board): Effect {
  return { kind: 'caughtUp', replayed: board.replayed, reloaded: board.reloaded }
}

/** A timeline as fetched, with what the feed brought since; each number once, oldest first. */
export function mergeTimeline(fetched: readonly TimelineEntry[], live: readonly TimelineEntry[]): TimelineEntry[] {
  const bySeq = new Map([...fetched, ...live].map((entry) => [entry.seq, entry]))
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq)
}
