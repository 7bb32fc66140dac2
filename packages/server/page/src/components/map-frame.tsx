import type { RefObject } from 'preact'
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { api, type GalleryMap, type Item } from '../api.js'
import { images, nameOf } from '../names.js'
import { theme } from '../state/theme.js'
import { Icon } from './icon.js'
import { drawMap, isInside, type MapPlace } from './map-canvas.js'
import { PALETTE } from './map-legend.js'
import { Picture } from './picture.js'
import { useMapPlace } from './use-map-place.js'

type Mode = 'lasso' | 'move'

interface FrameProps {
  readonly map: GalleryMap
  readonly colours: Uint8Array
  readonly chosen: readonly number[]
  onChoose(chosen: readonly number[]): void
}

/** The map itself: it can be moved, and images chosen by drawing around them. */
export function MapFrame({ map, colours, chosen, onChoose }: FrameProps) {
  const { canvas, place, fit, move, zoom, screen, nearest } = useMapPlace(map)
  const [mode, setMode] = useState<Mode>('lasso')
  const [lasso, setLasso] = useState<readonly (readonly [number, number])[]>([])
  const last = useRef<readonly [number, number] | undefined>(undefined)
  const { near, hover, hide } = useNear(map, nearest)
  useDrawnMap(canvas, { map, colours, chosen, place, lasso })
  const at = (event: { readonly clientX: number; readonly clientY: number }) => {
    const { left, top } = canvas.current!.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top] as const
  }
  const end = () => {
    if (mode === 'lasso' && lasso.length > 2)
      onChoose(map.ids.flatMap((_, i) => (isInside(lasso, ...screen(i)) ? [i] : [])))
    setLasso([])
    last.current = undefined
  }
  const keys: Readonly<Record<string, () => void>> = {
    '+': () => zoom(1.25),
    '=': () => zoom(1.25),
    '-': () => zoom(0.8),
    '0': fit,
    ArrowLeft: () => move(-40, 0),
    ArrowRight: () => move(40, 0),
    ArrowUp: () => move(0, -40),
    ArrowDown: () => move(0, 40),
  }
  return (
    <div class="map-frame">
      <MapTools mode={mode} onMode={setMode} onZoom={zoom} onFit={fit} />
      {/* biome-ignore lint: a drawing that can be moved takes keys */}
      <canvas
        ref={canvas}
        class={mode === 'move' ? 'map moving' : 'map'}
        tabIndex={0}
        role="img"
        aria-label={`Map of ${images(map.ids.length)}. Arrow keys move it, plus and minus zoom. The list of values chooses images without a pointer.`}
        onKeyDown={(event) => {
          const does = keys[event.key]
          if (!does || event.ctrlKey || event.metaKey || event.altKey) return
          event.preventDefault()
          does()
        }}
        onWheel={(event) => {
          event.preventDefault()
          zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15)
        }}
        onPointerDown={(event) => {
          canvas.current!.setPointerCapture(event.pointerId)
          last.current = at(event)
          hide()
          if (mode === 'lasso') setLasso([at(event)])
        }}
        onPointerMove={(event) => {
          const [x, y] = at(event)
          if (!last.current) return hover(x, y)
          if (mode === 'lasso') return setLasso((points) => [...points, [x, y]])
          move(last.current[0] - x, last.current[1] - y)
          last.current = [x, y]
        }}
        onPointerUp={end}
        onPointerCancel={end}
        onPointerLeave={hide}
      />
      {near && (
        <div class="map-near" style={{ left: `${screen(near.at)[0]}px`, top: `${screen(near.at)[1]}px` }}>
          <Picture item={near.item} edge={128} />
          <span>{nameOf(near.item.id)}</span>
        </div>
      )}
    </div>
  )
}

interface DrawnMap extends Omit<FrameProps, 'onChoose'> {
  readonly place: MapPlace
  readonly lasso: readonly (readonly [number, number])[]
}

/** Draws the map anew whenever something of it changes. */
function useDrawnMap(canvas: RefObject<HTMLCanvasElement | null>, { map, colours, chosen, place, lasso }: DrawnMap) {
  const flags = useMemo(() => {
    const made = new Uint8Array(map.ids.length)
    for (const at of chosen) made[at] = 1
    return made
  }, [map, chosen])
  const shade = theme.value
  useEffect(() => {
    // The next frame may come when the view is gone already.
    const drawn = canvas.current
    if (!drawn || place.scale === 0) return
    const ink = getComputedStyle(drawn).color
    const frame = requestAnimationFrame(() =>
      drawMap(drawn, { points: map.points, colours, palette: PALETTE, chosen: flags, place, lasso, ink }),
    )
    return () => cancelAnimationFrame(frame)
  }, [map, colours, flags, place, lasso, shade])
}

/** The image under the pointer. */
function useNear(map: GalleryMap, nearest: (x: number, y: number) => number) {
  const [near, setNear] = useState<{ readonly item: Item; readonly at: number }>()
  const wanted = useRef('')
  const hide = () => {
    // One that is still asked for stays away, too.
    wanted.current = ''
    setNear(undefined)
  }
  const hover = (x: number, y: number) => {
    const found = nearest(x, y)
    const id = map.ids[found]
    if (id === undefined) hide()
    else if (wanted.current !== id) {
      wanted.current = id
      api.item(id).then(
        (item) => wanted.current === id && setNear({ item, at: found }),
        () => undefined,
      )
    }
  }
  useEffect(hide, [map])
  return { near, hover, hide }
}

interface ToolsProps {
  readonly mode: Mode
  onMode(mode: Mode): void
  onZoom(factor: number): void
  onFit(): void
}

function MapTools({ mode, onMode, onZoom, onFit }: ToolsProps) {
  return (
    <div class="map-tools" role="group" aria-label="Map">
      <button type="button" class="button" aria-pressed={mode === 'lasso'} onClick={() => onMode('lasso')}>
        <Icon name="lasso" /> Draw around
      </button>
      <button type="button" class="button" aria-pressed={mode === 'move'} onClick={() => onMode('move')}>
        <Icon name="move" /> Move
      </button>
      <button type="button" class="button square" aria-label="Zoom in" onClick={() => onZoom(1.4)}>
        <Icon name="plus" />
      </button>
      <button type="button" class="button square" aria-label="Zoom out" onClick={() => onZoom(1 / 1.4)}>
        <Icon name="minus" />
      </button>
      <button type="button" class="button" onClick={onFit}>
        Show all
      </button>
    </div>
  )
}
