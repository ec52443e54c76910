import { describe, expect, it } from 'vitest'
import { distance, labelPoint, pointAt, ringsOf, wedge, type LatLon } from './shapes'

const here: LatLon = [29.9, 103.37]

describe('shapes', () => {
  it.each([
    [0, 1, 0],
    [90, 0, 1],
    [180, -1, 0],
    [270, 0, -1],
  ])('bearing %i goes north %i, east %i', (bearing, north, east) => {
    const [lat, lon] = pointAt(here, bearing, 100)
    expect(Math.round((lat - here[0]) * 1e5) === 0 ? 0 : Math.sign(lat - here[0])).toBe(north)
    expect(Math.round((lon - here[1]) * 1e5) === 0 ? 0 : Math.sign(lon - here[1])).toBe(east)
    expect(distance(here, [lat, lon])).toBeCloseTo(100, 3)
  })

  it('a wedge begins at the camera, and its arc is as far as the camera sees', () => {
    const [first, ...arc] = wedge(here, 40, 60, 80)
    expect(first).toEqual(here)
    for (const point of arc) expect(distance(here, point)).toBeCloseTo(80, 3)
    expect(arc[0]).toEqual(pointAt(here, 10, 80))
    expect(arc.at(-1)).toEqual(pointAt(here, 70, 80))
  })

  it('a camera that looks all around has no point', () => {
    expect(wedge(here, 0, 360, 50)).not.toContainEqual(here)
  })

  it('turns GeoJSON around, and finds the middle of the biggest part', () => {
    const square = (x: number, y: number, size: number): [number, number][] => [
      [x, y],
      [x + size, y],
      [x + size, y + size],
      [x, y + size],
      [x, y],
    ]
    expect(ringsOf({ type: 'Polygon', coordinates: [square(103, 29, 1)] })[0]?.[0]?.[1]).toEqual([29, 104])
    const middle = labelPoint({ type: 'MultiPolygon', coordinates: [[square(103, 29, 0.001)], [square(103.01, 29.01, 0.002)]] })
    expect(middle?.[0]).toBeCloseTo(29.011, 9)
    expect(middle?.[1]).toBeCloseTo(103.011, 9)
    expect(labelPoint({ type: 'Polygon', coordinates: [] })).toBe(null)
  })
})
