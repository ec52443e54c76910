/** The little pictures on the map, as SVG text without styles (the page's policy allows none inline). Pure. */
import type { DeviceKind, Priority } from '../api/wire'

const svg = (size: number, inside: string): string =>
  `<svg viewBox="0 0 24 24" width="${size}" height="${size}" aria-hidden="true" focusable="false">${inside}</svg>`

/** Camera: square. Button: ring. Gateway: diamond. */
export function deviceGlyph(kind: DeviceKind): string {
  if (kind === 'camera') return svg(18, '<rect class="body" x="6" y="6" width="12" height="12" rx="1"/>')
  if (kind === 'button') return svg(18, '<circle class="body" cx="12" cy="12" r="6.5"/>')
  return svg(18, '<path class="body" d="M12 4 20 12 12 20 4 12Z"/>')
}

/** The outline of each priority: octagon, triangle, diamond, small circle. */
export const PRIORITY_PATH: Record<Priority, string> = {
  critical: 'M8 2h8l6 6v8l-6 6H8l-6-6V8Z',
  high: 'M12 2.5 22.5 21h-21Z',
  medium: 'M12 1.5 22.5 12 12 22.5 1.5 12Z',
  low: 'M12 6a6 6 0 1 0 .01 0Z',
}

/** The mark inside the outline: how pressing it is, also without colour. */
export const PRIORITY_MARK: Record<Priority, string> = {
  critical: 'M11 6h2v8h-2ZM11 16h2v2h-2Z',
  high: 'M11 9.5h2v5.5h-2ZM11 16.5h2v2h-2Z',
  medium: 'M11 8h2v5h-2ZM11 14.5h2v2h-2Z',
  low: '',
}

export function incidentGlyph(priority: Priority): string {
  return svg(
    30,
    `<path class="outline" d="${PRIORITY_PATH[priority]}"/><path class="mark" d="${PRIORITY_MARK[priority]}"/>`,
  )
}
