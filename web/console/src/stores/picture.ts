/** The still part of the picture: sites and grids, loaded over HTTP; devices come with the feed. */
import { computed, reactive } from 'vue'
import { devices as fetchDevices, grids as fetchGrids, sites as fetchSites } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { Device, Grid, Site } from '../api/wire'
import { deviceKey } from '../feed/board'
import { DEFAULT_ZONE } from '../time/format'
import { board, shownSite, whenStrangeDevice } from './live'

const RETRY = 3_000 // ms

export const picture = reactive({
  sites: new Map<string, Site>(),
  grids: new Map<string, Grid>(),
})

/** Run until it works: the picture is loaded once, and without it the map is empty. */
async function insist(load: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await load()
      return
    } catch (error) {
      if (error instanceof Refused && error.problem.status < 500) return
      if (!(error instanceof Refused || error instanceof Unreachable)) throw error
      await new Promise((resolve) => setTimeout(resolve, RETRY))
    }
  }
}

/** Load sites and their grids. */
export async function loadPicture(): Promise<void> {
  await insist(async () => {
    const sites = await fetchSites()
    picture.sites = new Map(sites.map((site) => [site.site, site]))
  })
  for (const site of picture.sites.keys()) await loadGrids(site)
}

async function loadGrids(site: string): Promise<void> {
  await insist(async () => {
    for (const grid of await fetchGrids(site)) picture.grids.set(`${site}/${grid.grid}`, grid)
  })
}

const loading = new Set<string>()

/** A device spoke that is not on the picture: somebody added it while we were looking. */
async function reloadSite(site: string): Promise<void> {
  if (loading.has(site)) return
  loading.add(site)
  try {
    await insist(async () => {
      for (const device of await fetchDevices(site)) board.devices.set(deviceKey(site, device.device), device)
    })
    await loadGrids(site)
  } finally {
    loading.delete(site)
  }
}
whenStrangeDevice((site) => void reloadSite(site))

export function siteName(site: string): string {
  return picture.sites.get(site)?.name ?? site
}

export function zoneOf(site: string | null): string {
  return (site === null ? undefined : picture.sites.get(site)?.timezone) ?? DEFAULT_ZONE
}

export function gridOf(site: string, grid: string | null): Grid | null {
  return grid === null ? null : (picture.grids.get(`${site}/${grid}`) ?? null)
}

export function deviceOf(site: string, device: string | null): Device | null {
  return device === null ? null : (board.devices.get(deviceKey(site, device)) ?? null)
}

const shown = (site: string): boolean => shownSite.value === null || shownSite.value === site

export const shownGrids = computed(() => [...picture.grids.values()].filter((grid) => shown(grid.site)))
export const shownDevices = computed(() => [...board.devices.values()].filter((device) => shown(device.site)))
