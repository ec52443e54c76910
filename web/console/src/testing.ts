/** Things to test with: incidents and devices of which a test names only what matters to it. */
import type { Change, Device, Incident } from './api/wire'

export const START = Date.parse('2026-11-24T04:00:00Z')

/** RFC 3339, `seconds` after the start. */
export const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString()

export function anIncident(given: Partial<Incident> = {}): Incident {
  return {
    id: '1',
    site: 'zhihuo',
    grid: 'zw-01',
    kind: 'press',
    priority: 'critical',
    state: 'open',
    title: '一键报警 · 001号按钮',
    opened_at: at(0),
    updated_at: at(0),
    cancelled_at: null,
    arrived_at: null,
    version: 1,
    count: 1,
    device: 'btn-001',
    place: { lat: 40, lon: 100, address: '展望村1组1号' },
    owner: null,
    tier: 'grid',
    deadline: null,
    outcome: null,
    cameras: [],
    parts: ['btn-001'],
    answered_at: null,
    dispatched_to: null,
    quiet: null,
    shelved_until: null,
    shelved_by: null,
    drill: false,
    ...given,
  }
}

export function aChange(seq: number, incident: Incident, given: Partial<Change> = {}): Change {
  return {
    type: 'change',
    site: incident.site,
    seq,
    at: at(seq),
    actor: 'device:btn-001',
    verb: 'open',
    note: null,
    incident,
    ...given,
  }
}

export function aDevice(given: Partial<Device> = {}): Device {
  return {
    site: 'zhihuo',
    device: 'btn-001',
    kind: 'button',
    name: '001号按钮',
    grid: 'zw-01',
    lat: 40,
    lon: 100,
    bearing: null,
    fov: null,
    range: null,
    registered: true,
    via: null,
    native: null,
    state: 'online',
    last_seen: null,
    last_proven: null,
    battery: null,
    clock_skew: null,
    ...given,
  }
}
