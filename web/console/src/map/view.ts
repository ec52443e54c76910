/** The map: draws what it is told, says what was clicked. Leaflet with SVG paths, no tiles, nothing from elsewhere. */
import L from 'leaflet'
import type { Device, Grid, Incident } from '../api/wire'
import { PRIORITY_RANK } from '../queue/order'
import { demands } from '../feed/board'
import { deviceGlyph, incidentGlyph } from './glyphs'
import { labelPoint, positionOf, ringsOf, wedgeOf, type LatLon } from './shapes'

/** Zoomed in so far that cameras can be told apart and the next alarms are still in sight: about 1 km across. */
const CLOSE = 16.25

export interface MapEvents {
  incident(id: string): void
  device(key: string): void
}

/** The words on the map; asked anew with each drawing, since the language may change. */
export interface MapWords {
  device(device: Device): string
  title(incident: Incident): string
  /** The mark of a drill. */
  drill(): string
}

interface DrawnDevice {
  marker: L.Marker
  wedge: L.Polygon | null
  shape: string
}

const keyOf = (device: Device): string => `${device.site}/${device.device}`

/** What must be drawn anew when it differs; a mere state only changes classes. */
const shapeOf = (d: Device): string => [d.kind, d.lat, d.lon, d.bearing, d.fov, d.range].join(' ')

export class MapView {
  private readonly map: L.Map
  private readonly gridLayer = L.layerGroup()
  private readonly devices = new Map<string, DrawnDevice>()
  private readonly incidents = new Map<string, L.Marker>()
  /** Site → all of it. Sites may lie far apart, so there is no whole of several. */
  private readonly whole = new Map<string, L.LatLngBounds>()

  constructor(
    element: HTMLElement,
    private readonly events: MapEvents,
    private readonly words: MapWords,
  ) {
    this.map = L.map(element, {
      attributionControl: false,
      zoomControl: false,
      keyboard: false, // the console's own keys must not also move the map
      zoomSnap: 0.25,
      zoomAnimation: false,
      fadeAnimation: false,
      markerZoomAnimation: false,
      maxZoom: 20,
    }).setView([29.9, 103.37], 14)
    this.map.createPane('wedges').style.zIndex = '410'
    this.gridLayer.addTo(this.map)
    this.map.on('zoomend', () => this.markZoom())
  }

  destroy(): void {
    this.map.remove()
  }

  /** The element changed its size. */
  resized(): void {
    this.map.invalidateSize({ animate: false })
  }

  zoom(by: number): void {
    this.map.setZoom(this.map.getZoom() + by, { animate: false })
  }

  drawGrids(grids: readonly Grid[]): void {
    this.gridLayer.clearLayers()
    const parents = new Set(grids.map((grid) => `${grid.site}/${grid.parent ?? ''}`))
    // the big ones first, so that the small ones lie on top
    const leaf = (grid: Grid): boolean => !parents.has(`${grid.site}/${grid.grid}`)
    for (const grid of [...grids].sort((a, b) => Number(leaf(a)) - Number(leaf(b)))) {
      const className = leaf(grid) ? 'grid' : 'grid parent'
      L.polygon(ringsOf(grid.geometry), { className, interactive: false, smoothFactor: 0.5 }).addTo(this.gridLayer)
      const at = leaf(grid) ? labelPoint(grid.geometry) : null
      if (at !== null) this.label(at, grid.name)
    }
    this.reckonWhole(grids)
  }

  private label(at: LatLon, name: string): void {
    const text = document.createElement('span')
    text.textContent = name
    const icon = L.divIcon({ className: 'grid-name', html: text, iconSize: [0, 0] })
    L.marker(at, { icon, interactive: false, keyboard: false }).addTo(this.gridLayer)
  }

  private reckonWhole(grids: readonly Grid[]): void {
    this.whole.clear()
    for (const grid of grids) {
      const bounds = this.whole.get(grid.site) ?? L.latLngBounds([])
      for (const [outline] of ringsOf(grid.geometry)) for (const point of outline ?? []) bounds.extend(point)
      if (bounds.isValid()) this.whole.set(grid.site, bounds)
    }
  }

  drawDevices(devices: readonly Device[]): void {
    const present = new Set(devices.map(keyOf))
    for (const key of [...this.devices.keys()]) if (!present.has(key)) this.removeDevice(key)
    for (const device of devices) this.drawDevice(device)
  }

  private removeDevice(key: string): void {
    const drawn = this.devices.get(key)
    drawn?.marker.remove()
    drawn?.wedge?.remove()
    this.devices.delete(key)
  }

  private drawDevice(device: Device): void {
    const at = positionOf(device)
    const key = keyOf(device)
    if (at === null) return this.removeDevice(key)
    let drawn = this.devices.get(key)
    if (drawn !== undefined && drawn.shape !== shapeOf(device)) {
      this.removeDevice(key)
      drawn = undefined
    }
    if (drawn === undefined) {
      const icon = L.divIcon({ className: 'device', html: deviceGlyph(device.kind), iconSize: [24, 24] })
      const marker = L.marker(at, { icon, keyboard: false }).addTo(this.map)
      marker.on('click', () => this.events.device(key))
      const ring = wedgeOf(device)
      const wedge =
        ring === null
          ? null
          : // a small arc comes out flat when Leaflet may simplify it
            L.polygon(ring, { pane: 'wedges', className: 'wedge', interactive: false, smoothFactor: 0 }).addTo(this.map)
      drawn = { marker, wedge, shape: shapeOf(device) }
      this.devices.set(key, drawn)
      marker.bindTooltip('', { direction: 'top', offset: [0, -8] })
    }
    drawn.marker.setTooltipContent(plainText(this.words.device(device)))
    const element = drawn.marker.getElement()
    if (element !== undefined) {
      element.dataset['device'] = key
      element.dataset['kind'] = device.kind
      element.dataset['state'] = device.state
      element.setAttribute('aria-label', this.words.device(device))
    }
    setData(drawn.wedge?.getElement(), 'state', device.state)
  }

  /** Incidents with a place; the most urgent lies on top. */
  drawIncidents(incidents: readonly Incident[], selected: string | null): void {
    const present = new Set(incidents.map((one) => one.id))
    for (const [id, marker] of this.incidents) {
      if (present.has(id)) continue
      marker.remove()
      this.incidents.delete(id)
    }
    for (const incident of incidents) this.drawIncident(incident, incident.id === selected)
  }

  private drawIncident(incident: Incident, selected: boolean): void {
    const at = positionOf(incident.place)
    if (at === null) return
    let marker = this.incidents.get(incident.id)
    if (marker === undefined) {
      const icon = L.divIcon({ className: 'incident', html: incidentGlyph(incident.priority), iconSize: [30, 30] })
      marker = L.marker(at, { icon, keyboard: false }).addTo(this.map)
      marker.on('click', () => this.events.incident(incident.id))
      this.incidents.set(incident.id, marker)
    } else marker.setLatLng(at)
    marker.setZIndexOffset(selected ? 9000 : 5000 - 1000 * PRIORITY_RANK[incident.priority])
    const element = marker.getElement()
    if (element === undefined) return
    element.dataset['incident'] = incident.id
    element.dataset['priority'] = incident.priority
    element.dataset['demands'] = String(demands(incident))
    element.dataset['selected'] = String(selected)
    setData(element, 'drill', incident.drill ? this.words.drill() : null)
    element.setAttribute('aria-label', this.words.title(incident))
  }

  /** Number the cameras that see the selected place, nearest first, and mark one of them. */
  markCameras(site: string | null, cameras: readonly string[], marked: number | null): void {
    const numbers = new Map(cameras.map((camera, index) => [`${site ?? ''}/${camera}`, index]))
    for (const [key, drawn] of this.devices) {
      const index = numbers.get(key)
      const sees = index === undefined ? null : index === marked ? 'marked' : 'yes'
      for (const element of [drawn.marker.getElement(), drawn.wedge?.getElement()]) setData(element, 'sees', sees)
      setData(drawn.marker.getElement(), 'number', index === undefined ? null : String(index + 1))
      if (sees !== null) drawn.wedge?.bringToFront()
      drawn.marker.setZIndexOffset(sees === null ? 0 : 1000)
    }
  }

  /** Mark the devices that the selected incident is made of. */
  markParts(site: string | null, parts: readonly string[]): void {
    const keys = new Set(parts.map((part) => `${site ?? ''}/${part}`))
    for (const [key, drawn] of this.devices) setData(drawn.marker.getElement(), 'part', keys.has(key) ? 'yes' : null)
  }

  /** All of a site in sight: its grids, or its devices when it has none. */
  showWhole(site: string, devices: readonly Device[]): void {
    const points = devices.map(positionOf).filter((at): at is LatLon => at !== null)
    const bounds = this.whole.get(site) ?? (points.length > 0 ? L.latLngBounds(points).pad(0.1) : null)
    if (bounds !== null) this.map.fitBounds(bounds, { animate: false, padding: [12, 12] })
  }

  /** A place in the middle, close enough to see what is around; with other points (cameras) in sight if there are any. */
  showPlace(at: LatLon, also: readonly LatLon[] = []): void {
    const bounds = L.latLngBounds([at, ...also])
    for (const [lat, lon] of also) bounds.extend([2 * at[0] - lat, 2 * at[1] - lon]) // keeps the place in the middle
    const fitting = also.length === 0 ? CLOSE : this.map.getBoundsZoom(bounds.pad(0.15))
    this.map.setView(at, Math.min(CLOSE, fitting), { animate: false })
  }

  private markZoom(): void {
    this.map.getContainer().dataset['far'] = String(this.map.getZoom() < 14.5)
  }
}

/** Names come from devices and people: never as HTML. */
function plainText(text: string): HTMLElement {
  const element = document.createElement('span')
  element.textContent = text
  return element
}

function setData(element: Element | undefined, name: string, value: string | null): void {
  if (element === undefined) return
  if (value === null) element.removeAttribute(`data-${name}`)
  else element.setAttribute(`data-${name}`, value)
}
