/** Who works at a place, to send them or to hand an incident to them. Empty where the server does not say. */
import { reactive } from 'vue'
import { people } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { Staff } from '../api/wire'

const found = reactive(new Map<string, Staff[]>())
const keyOf = (site: string, grid: string | null): string => `${site}/${grid ?? ''}`

/** Those who work there, as last heard: on duty first, then by name. */
export function colleagues(site: string, grid: string | null): Staff[] {
  return found.get(keyOf(site, grid)) ?? []
}

/** Ask for them anew; a form that needs them works without an answer, too. */
export async function askColleagues(site: string, grid: string | null): Promise<void> {
  try {
    const all = await people(site, grid)
    found.set(keyOf(site, grid), [...all].sort((a, b) => Number(b.on_duty) - Number(a.on_duty)))
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error
  }
}

export function clearColleagues(): void {
  found.clear()
}
