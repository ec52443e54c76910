/** What goes over the wire: HTTP bodies and live feed frames, as the server publishes them. */

export type State = 'open' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed'
export type Priority = 'critical' | 'high' | 'medium' | 'low'
export type Tier = 'grid' | 'community' | 'district'
export type Outcome = 'real' | 'false' | 'test' | 'drill'
export type Role = 'officer' | 'lead' | 'admin'
export type DeviceKind = 'camera' | 'button' | 'gateway'
export type DeviceState = 'online' | 'offline' | 'fault' | 'unknown'

/** A place on the map (WGS-84 degrees) and how people call it. */
export interface Place {
  lat: number | null
  lon: number | null
  address: string | null
}

/** A camera that sees an incident's place; score 0..1, higher is better. */
export interface CameraView {
  device: string
  score: number
}

/** What a person must answer. Times are RFC 3339 UTC. */
export interface Incident {
  id: string
  site: string
  grid: string | null
  kind: string
  priority: Priority
  state: State
  title: string
  opened_at: string
  updated_at: string
  cancelled_at: string | null
  arrived_at: string | null
  version: number
  count: number
  device: string | null
  place: Place
  owner: string | null
  tier: Tier
  deadline: string | null
  outcome: Outcome | null
  cameras: CameraView[]
}

/** One entry of an incident's timeline, numbered within its site. */
export interface TimelineEntry {
  seq: number
  at: string
  actor: string
  verb: string
  note: string | null
}

/** An incident with everything about it. */
export interface IncidentDetail extends Incident {
  timeline: TimelineEntry[]
}

export interface Device {
  site: string
  device: string
  kind: DeviceKind
  name: string
  grid: string | null
  lat: number | null
  lon: number | null
  bearing: number | null
  fov: number | null
  range: number | null
  registered: boolean
  via: string | null
  native: string | null
  state: DeviceState
  last_seen: string | null
  last_proven: string | null
  battery: number | null
}

export interface Site {
  site: string
  name: string
  timezone?: string
}

/** GeoJSON, WGS-84: positions are [lon, lat]. */
export type Geometry =
  | { type: 'Polygon'; coordinates: [number, number][][] }
  | { type: 'MultiPolygon'; coordinates: [number, number][][][] }

export interface Grid {
  site: string
  grid: string
  parent: string | null
  name: string
  officer: string | null
  geometry: Geometry
}

export interface Me {
  name: string
  role: Role
  sites: string[]
}

export interface Page<T> {
  items: T[]
  next: string | null
}

/** RFC 9457; `owner`, `state` and `version` come with a 409. */
export interface Problem {
  status: number
  title: string
  detail?: string
  owner?: string | null
  state?: State
  version?: number
}

export interface Hello {
  type: 'hello'
  feed: string
  sites: Record<string, { seq: number; mode: 'snapshot' | 'changes' }>
}
export interface Snapshot {
  type: 'snapshot'
  site: string
  seq: number
  incidents: Incident[]
  devices: Device[]
}
export interface Change extends TimelineEntry {
  type: 'change'
  site: string
  incident: Incident
}
export interface DeviceChange {
  type: 'device'
  site: string
  device: string
  state: DeviceState
}
export interface Heartbeat {
  type: 'heartbeat'
  seq: Record<string, number>
  ts: string
}
export type Frame = Hello | Snapshot | Change | DeviceChange | Heartbeat
