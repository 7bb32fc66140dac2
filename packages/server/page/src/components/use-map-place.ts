import { useEffect, useRef, useState } from 'preact/hooks'
import type { GalleryMap } from '../api.js'
import type { MapPlace } from './map-canvas.js'

interface Extent {
  readonly from: number
  readonly to: number
}

/** Of every second number from `k` on; never nothing. */
function extentOf(points: readonly number[], k: number): Extent {
  let [from, to] = [Infinity, -Infinity]
  for (let i = k; i < points.length; i += 2) {
    from = Math.min(from, points[i]!)
    to = Math.max(to, points[i]!)
  }
  return { from: from - 1e-3, to: to + 1e-3 }
}

/** Pixels around a pointer in which a point counts as meant. */
const REACH = 14

/** Which part of a map is seen, and where its points lie on the canvas. */
export function useMapPlace(map: GalleryMap) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [place, setPlace] = useState<MapPlace>({ x: 0, y: 0, scale: 0 })
  const fit = () => {
    if (!canvas.current) return
    const { clientWidth, clientHeight } = canvas.current
    const [x, y] = [0, 1].map((k) => extentOf(map.points, k)) as [Extent, Extent]
    const scale = 0.92 * Math.min(clientWidth / (x.to - x.from), clientHeight / (y.to - y.from))
    setPlace({ x: (x.from + x.to) / 2, y: (y.from + y.to) / 2, scale })
  }
  useEffect(() => {
    const observer = new ResizeObserver(fit)
    observer.observe(canvas.current!)
    return () => observer.disconnect()
  }, [map])
  /** By pixels. */
  const move = (dx: number, dy: number) =>
    setPlace((before) => ({ ...before, x: before.x + dx / before.scale, y: before.y + dy / before.scale }))
  const zoom = (factor: number) =>
    setPlace((before) => ({ ...before, scale: Math.max(20, Math.min(60_000, before.scale * factor)) }))
  const screen = (i: number) => {
    const { clientWidth, clientHeight } = canvas.current!
    return [
      (map.points[2 * i]! - place.x) * place.scale + clientWidth / 2,
      (map.points[2 * i + 1]! - place.y) * place.scale + clientHeight / 2,
    ] as const
  }
  /** The point that a pointer means; -1 for none. */
  const nearest = (x: number, y: number) => {
    let [found, least] = [-1, REACH ** 2]
    for (let i = 0; i < map.ids.length; i++) {
      const [px, py] = screen(i)
      const square = (px - x) ** 2 + (py - y) ** 2
      if (square < least) [found, least] = [i, square]
    }
    return found
  }
  return { canvas, place, fit, move, zoom, screen, nearest }
}
