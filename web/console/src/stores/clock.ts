/** The present, as the page needs it: ticking, and by the server's clock (a duty PC's own may be wrong). */
import { computed, ref } from 'vue'

const TICK = 250 // ms: a counter of seconds must not be seen to skip

const wall = ref(Date.now())
const offset = ref(0)

/** Monotonic milliseconds, updated with each tick: for deadlines of this page alone. */
export const steadyNow = ref(performance.now())

/** The server's time as epoch milliseconds, updated with each tick. */
export const serverNow = computed(() => wall.value + offset.value)

/** Learn the server's clock from a time stamp that was just received. */
export function learnServerTime(ts: string): void {
  const at = Date.parse(ts)
  if (Number.isFinite(at)) offset.value = at - Date.now()
}

/** The server's time at this very moment, epoch milliseconds. */
export function serverTime(): number {
  return Date.now() + offset.value
}

setInterval(() => {
  wall.value = Date.now()
  steadyNow.value = performance.now()
}, TICK)
