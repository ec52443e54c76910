/** What goes over the wire: HTTP bodies as the server publishes them (openapi.ts), and the live feed's frames. */
import type { Device, Grid as AnyGrid, Incident, Me, TimelineEntry, Window } from './openapi'

export type {
  Contribution,
  Device,
  Incident,
  IncidentDetail,
  Me,
  Place,
  Problem,
  ShownIncident,
  Site,
  Staff,
  StepBody,
  TimelineEntry,
  Window,
  WindowBody,
} from './openapi'

export type State = Incident['state']
export type Priority = Incident['priority']
export type Tier = Incident['tier']
export type Outcome = NonNullable<Incident['outcome']>
export type Role = Me['role']
export type Purpose = Window['purpose']
export type Quiet = NonNullable<Incident['quiet']>
export type DeviceKind = Device['kind']
export type DeviceState = Device['state']

/** GeoJSON, WGS-84: positions are [lon, lat]. */
export type Geometry =
  | { type: 'Polygon'; coordinates: [number, number][][] }
  | { type: 'MultiPolygon'; coordinates: [number, number][][][] }

/** A grid; the server's document leaves open which geometry. */
export interface Grid extends Omit<AnyGrid, 'geometry'> {
  geometry: Geometry
}

export interface Page<T> {
  items: T[]
  next?: string | null
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
/** Whether a synthetic alarm still comes through from broker to feed; `proven_at` is when one last did. */
export interface Pipeline {
  ok: boolean
  proven_at: string | null
}
export interface Heartbeat {
  type: 'heartbeat'
  seq: Record<string, number>
  ts: string
  /** Missing from a server that does not prove itself: taken as ok. */
  pipeline?: Pipeline
}
export interface FloodedOfficer {
  name: string
  since: string
}
/** Who is in a flood: an officer hears of their own, a lead of all of their sites. Empty: nobody any more. */
export interface Flood {
  type: 'flood'
  officers: FloodedOfficer[]
}
export type Frame = Hello | Snapshot | Change | DeviceChange | Heartbeat | Flood
