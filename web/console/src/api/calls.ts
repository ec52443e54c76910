/** The calls of the contract that the console makes. Each throws Refused or Unreachable (http.ts). */
import type { Verb } from '../steps/verbs'
import { call } from './http'
import type { Device, Grid, IncidentDetail, Me, Page, Site, StepBody } from './wire'

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

export async function takeStep(id: string, verb: Verb, body: StepBody): Promise<void> {
  await call('POST', `/incidents/${encodeURIComponent(id)}/${verb}`, body)
}
