/** Times of maintenance and drills: asked for now and then, since the feed does not tell of them. */
import { computed, ref, watch } from 'vue'
import { endWindow, startWindow, windows as fetchWindows } from '../api/calls'
import { Refused, Unreachable } from '../api/http'
import type { Window, WindowBody } from '../api/wire'
import { t } from '../i18n'
import { serverNow, steadyNow } from './clock'
import { connected } from './live'
import { session } from './session'
import { tell } from './toasts'

const EVERY = 30_000 // ms

const all = ref<Window[]>([])
let askedAt = -EVERY

const isOver = (one: Window): boolean => Date.parse(one.ends_at) <= serverNow.value
const hasBegun = (one: Window): boolean => Date.parse(one.starts_at) <= serverNow.value

/** In force now, and still to come. */
export const running = computed(() => all.value.filter((one) => hasBegun(one) && !isOver(one)))
export const coming = computed(() => all.value.filter((one) => !hasBegun(one) && !isOver(one)))

/** Ask for them; an old server that knows none is a console without them. */
export async function loadWindows(): Promise<void> {
  askedAt = performance.now()
  try {
    all.value = await fetchWindows()
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error
  }
}

async function change(doIt: () => Promise<void>): Promise<boolean> {
  try {
    await doIt()
    await loadWindows()
    return true
  } catch (error) {
    if (error instanceof Unreachable) tell(t('stepFailed'), 'warning')
    else if (error instanceof Refused) tell(t('stepRefused', { detail: error.problem.detail ?? error.problem.title }), 'warning')
    else throw error
    return false
  }
}

/** Begin one; whether it was taken. */
export function begin(body: WindowBody): Promise<boolean> {
  return change(() => startWindow(body))
}

/** End one now, or take back one that is to come. */
export function end(id: string): Promise<boolean> {
  return change(() => endWindow(id))
}

watch(steadyNow, (now) => {
  if (session.state === 'in' && connected.value && now - askedAt >= EVERY) void loadWindows()
})

/** Another person sits down: they may see other sites. */
export function clearWindows(): void {
  all.value = []
  askedAt = -EVERY
}
