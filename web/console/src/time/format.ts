/** Times as people read them. Pure: the zone and the present come as arguments. */

/** Where a site is when it doesn't say. */
export const DEFAULT_ZONE = 'Asia/Shanghai'

const formats = new Map<string, Intl.DateTimeFormat>()

function parts(at: number, zone: string): Record<string, string> {
  let format = formats.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
    })
    formats.set(zone, format)
  }
  return Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]))
}

/** `14:03:22` in a zone. */
export function clockTime(at: number | string, zone: string): string {
  const { hour, minute, second } = parts(typeof at === 'string' ? Date.parse(at) : at, zone)
  return `${hour}:${minute}:${second}`
}

/** `2026-11-24` in a zone. */
export function day(at: number | string, zone: string): string {
  const { year, month, day: date } = parts(typeof at === 'string' ? Date.parse(at) : at, zone)
  return `${year}-${month}-${date}`
}

/** `14:03:22` today, `11-23 14:03` another day. */
export function momentTime(at: string, now: number, zone: string): string {
  const clock = clockTime(at, zone)
  const date = day(at, zone)
  return date === day(now, zone) ? clock : `${date.slice(5)} ${clock.slice(0, 5)}`
}

/** How long something has lasted, as a counter: `00:42`, `1:02:03`; never negative. */
export function counter(from: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(from)) / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number): string => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`
}

export type Ago = { unit: 'seconds' | 'minutes' | 'hours' | 'days'; n: number }

/** How long ago something was, in the largest unit that fits; never negative. */
export function ago(at: string, now: number): Ago {
  const seconds = Math.max(0, Math.floor((now - Date.parse(at)) / 1000))
  if (seconds < 60) return { unit: 'seconds', n: seconds }
  if (seconds < 3600) return { unit: 'minutes', n: Math.floor(seconds / 60) }
  if (seconds < 172_800) return { unit: 'hours', n: Math.floor(seconds / 3600) }
  return { unit: 'days', n: Math.floor(seconds / 86_400) }
}

/** `14:03` today, `11-23 14:03` another day: for what is planned, where nobody asks for the second. */
export function minuteTime(at: string, now: number, zone: string): string {
  const text = momentTime(at, now, zone)
  return text.includes(' ') ? text : text.slice(0, 5)
}
