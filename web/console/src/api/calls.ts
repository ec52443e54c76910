/** The calls of the contract that the console makes. Each throws Refused or Unreachable (http.ts). */
import type { Verb } from '../steps/verbs'
import { call } from './http'
import type {
  Device,
  Grid,
  Incident,
  IncidentDetail,
  Me,
  Page,
  ShownIncident,
  Site,
  Staff,
  StepBody,
  Window,
  WindowBody,
} from './wire'

export async function logIn(name: string, password: string): Promise<void> {
  await call('POST', '/session', { name, password })
}

export async function logOut(): Promise<void> {
  await call('DELETE', '/session')
}

export function whoAmI(): Promise<Me> {
  return call('GET', '/me')
}

export async function sites(): Promise<Site[]> {
  return (await call<Page<Site>>('GET', '/sites')).items
}

export async function grids(site: string): Promise<Grid[]> {
  return (await call<Page<Grid>>('GET', `/grids?site=${encodeURIComponent(site)}`)).items
}

export async function devices(site: string): Promise<Device[]> {
  return (await call<Page<Device>>('GET', `/devices?site=${encodeURIComponent(site)}`)).items
}

export function incident(id: string): Promise<IncidentDetail> {
  return call('GET', `/incidents/${encodeURIComponent(id)}`)
}

/** Take a step; the incident as it is then. */
export function takeStep(id: string, verb: Verb, body: StepBody): Promise<Incident> {
  return call('POST', `/incidents/${encodeURIComponent(id)}/${verb}`, body)
}

/** Say what is really on this screen. */
export async function reportShown(items: ShownIncident[]): Promise<void> {
  await call('POST', '/shown', { items })
}

/** Those who work there, best suited first as the server sees it. */
export async function people(site: string, grid: string | null): Promise<Staff[]> {
  const where = grid === null ? '' : `&grid=${encodeURIComponent(grid)}`
  return (await call<Page<Staff>>('GET', `/people?site=${encodeURIComponent(site)}${where}`)).items
}

export async function windows(): Promise<Window[]> {
  return (await call<Page<Window>>('GET', '/windows')).items
}

export async function startWindow(body: WindowBody): Promise<void> {
  await call('POST', '/windows', body)
}

export async function endWindow(id: string): Promise<void> {
  await call('POST', `/windows/${encodeURIComponent(id)}/end`, {})
}
