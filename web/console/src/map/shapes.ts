/** Shapes on the map, from positions and angles. Pure; degrees and metres, WGS-84. */
import type { Device, Geometry } from '../api/wire'

export type LatLon = [lat: number, lon: number]

const METRES_A_DEGREE = 111_320

/** The point `metres` away from another in direction `bearing` (clockwise from north); flat earth, fine for a community. */
export function pointAt([lat, lon]: LatLon, bearing: number, metres: number): LatLon {
  const angle = (bearing * Math.PI) / 180
  return [
    lat + (Math.cos(angle) * metres) / METRES_A_DEGREE,
    lon + (Math.sin(angle) * metres) / (METRES_A_DEGREE * Math.cos((lat * Math.PI) / 180)),
  ]
}

/** What a camera looks at, as a closed ring of points: a wedge, or a circle when it looks all around. */
export function wedge(at: LatLon, bearing: number, fov: number, range: number): LatLon[] {
  const steps = Math.max(4, Math.ceil(fov / 6))
  const arc: LatLon[] = []
  for (let step = 0; step <= steps; step += 1) {
    arc.push(pointAt(at, bearing - fov / 2 + (fov * step) / steps, range))
  }
  return fov >= 360 ? arc : [at, ...arc]
}

export function positionOf(thing: { lat: number | null; lon: number | null }): LatLon | null {
  return thing.lat === null || thing.lon === null ? null : [thing.lat, thing.lon]
}

/** The wedge of a camera that says where it looks, or null. */
export function wedgeOf(camera: Device): LatLon[] | null {
  const at = positionOf(camera)
  if (at === null || camera.bearing === null || camera.fov === null || camera.range === null) return null
  return wedge(at, camera.bearing, camera.fov, camera.range)
}

/** GeoJSON's rings as Leaflet wants them: latitude first. */
export function ringsOf(geometry: Geometry): LatLon[][][] {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates
  return polygons.map((polygon) => polygon.map((ring) => ring.map(([lon, lat]): LatLon => [lat, lon])))
}

/** Where a grid's name is written: the middle of its biggest ring (its centre of area). */
export function labelPoint(geometry: Geometry): LatLon | null {
  let best: LatLon | null = null
  let most = -1
  for (const [ring] of ringsOf(geometry)) {
    if (ring === undefined || ring.length < 3) continue
    const [lat0, lon0] = ring[0] as LatLon // reckoned from here: the differences are tiny beside the degrees
    let doubled = 0
    let lat = 0
    let lon = 0
    ring.forEach((point, index) => {
      const next = ring[(index + 1) % ring.length] as LatLon
      const [y, x] = [point[0] - lat0, point[1] - lon0]
      const [nextY, nextX] = [next[0] - lat0, next[1] - lon0]
      const cross = x * nextY - nextX * y
      doubled += cross
      lat += (y + nextY) * cross
      lon += (x + nextX) * cross
    })
    if (Math.abs(doubled) <= most || doubled === 0) continue
    most = Math.abs(doubled)
    best = [lat0 + lat / (3 * doubled), lon0 + lon / (3 * doubled)]
  }
  return best
}

/** Metres between two near points. */
export function distance([latA, lonA]: LatLon, [latB, lonB]: LatLon): number {
  const north = (latB - latA) * METRES_A_DEGREE
  const east = (lonB - lonA) * METRES_A_DEGREE * Math.cos((latA * Math.PI) / 180)
  return Math.hypot(north, east)
}
