import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { type ApiError, api, type GalleryMap, type Item } from '../api.js'
import { Card } from '../components/card.js'
import { Icon } from '../components/icon.js'
import { drawMap, isInside, type MapPlace } from '../components/map-canvas.js'
import { Picture } from '../components/picture.js'
import { Empty, Failed, Loading } from '../components/states.js'
import { images, nameOf, number } from '../names.js'
import { details } from '../state/details.js'
import { asApiError, change, writable } from '../state/gallery.js'
import { filter, searchBy } from '../state/query.js'
import { theme } from '../state/theme.js'

/** Told apart by people who see colours differently, too (Okabe & Ito, with two more); the last is for all other values. */
const PALETTE = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#9467bd',
  '#b8a800',
  '#8a8f98',
] as const
const OTHER = PALETTE.length - 1
/** Pictures of a choice that are shown at once. */
const SHOWN = 24
/** Images that a search may be by. */
const EXAMPLES = 20

interface Legend {
  readonly values: readonly (readonly [value: string, count: number])[]
  readonly colours: Uint8Array
}

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

function legendOf({ ids, values }: GalleryMap): Legend {
  const counts = new Map<string, number>()
  for (const value of values ?? []) if (value !== null) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, OTHER)
  const rank = new Map(sorted.map(([value], i) => [value, i]))
  const colours = Uint8Array.from(ids, (_, i) => (values ? (rank.get(String(values[i])) ?? OTHER) : 0))
  return { values: sorted, colours }
}

/** All images on a plane: what is near looks alike. */
export function MapView() {
  const [map, setMap] = useState<GalleryMap>()
  const [keys, setKeys] = useState<readonly string[]>()
  const [key, setKey] = useState<string>()
  const [layout, setLayout] = useState<'pca' | 'umap'>('pca')
  const [placing, setPlacing] = useState(false)
  const [error, setError] = useState<ApiError>()
  const [chosen, setChosen] = useState<readonly number[]>([])
  const wanted = filter.value
  useEffect(() => {
    api.facets({ values: 60 }).then(
      ({ facets }) => {
        const useful = facets.filter(({ values }) => values.length > 1).map(({ key }) => key)
        setKeys(useful)
        setKey(['label', 'class', 'category'].find((each) => useful.includes(each)) ?? useful[0])
      },
      () => setKeys([]),
    )
  }, [])
  useEffect(() => {
    if (!keys) return
    const controller = new AbortController()
    setPlacing(true)
    api.map({ layout, ...(key !== undefined && { key }), ...(wanted && { filter: wanted }) }, controller.signal).then(
      (found) => {
        setPlacing(false)
        setMap(found)
        setError(undefined)
        setChosen([])
      },
      (cause) => {
        if (controller.signal.aborted) return
        setPlacing(false)
        setError(asApiError(cause))
      },
    )
    return () => controller.abort()
  }, [keys, key, layout, JSON.stringify(wanted)])
  const legend = useMemo(() => map && legendOf(map), [map])
  return (
    <div class="main-column alone">
      <div class="row between view-head">
        <div>
          <h1>Map</h1>
          <p class="hint" aria-live="polite">
            {placing && map
              ? 'Placing the images anew'
              : map
                ? `${images(map.ids.length)}. What is near on the map looks alike.`
                : 'Where images lie.'}
          </p>
        </div>
        <div class="row">
          <label class="row">
            Layout
            <select
              class="input"
              value={layout}
              onChange={({ currentTarget }) => setLayout(currentTarget.value as typeof layout)}
            >
              <option value="pca">Principal components</option>
              <option value="umap">UMAP</option>
            </select>
          </label>
          {keys && keys.length > 0 && (
            <label class="row">
              Colour by
              <select class="input" value={key} onChange={({ currentTarget }) => setKey(currentTarget.value)}>
                {keys.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </label>
          )}
        </div>
      </div>
      {error && <Failed error={error} />}
      {!map && !error && <Loading text="Placing the images" />}
      {map?.ids.length === 0 && (
        <Empty title="No images to place">
          <p>{wanted ? 'Clear what narrows them down.' : 'Add images with "lookalike index".'}</p>
        </Empty>
      )}
      {map && legend && map.ids.length > 0 && (
        <div class="map-split">
          <MapCanvas map={map} colours={legend.colours} chosen={chosen} onChoose={setChosen} />
          <MapSide map={map} legend={legend} chosen={chosen} onChoose={setChosen} />
        </div>
      )}
    </div>
  )
}

interface CanvasProps {
  readonly map: GalleryMap
  readonly colours: Uint8Array
  readonly chosen: readonly number[]
  onChoose(chosen: readonly number[]): void
}

function MapCanvas({ map, colours, chosen, onChoose }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [place, setPlace] = useState<MapPlace>({ x: 0, y: 0, scale: 0 })
  const [mode, setMode] = useState<'lasso' | 'move'>('lasso')
  const [lasso, setLasso] = useState<readonly (readonly [number, number])[]>([])
  const [near, setNear] = useState<{ readonly item: Item; readonly x: number; readonly y: number }>()
  const last = useRef<readonly [number, number] | undefined>(undefined)
  const wanted = useRef('')
  const flags = useMemo(() => {
    const made = new Uint8Array(map.ids.length)
    for (const at of chosen) made[at] = 1
    return made
  }, [map, chosen])
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
  const at = (event: { readonly clientX: number; readonly clientY: number }) => {
    const { left, top } = canvas.current!.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top] as const
  }
  const screen = (i: number) => {
    const { clientWidth, clientHeight } = canvas.current!
    return [
      (map.points[2 * i]! - place.x) * place.scale + clientWidth / 2,
      (map.points[2 * i + 1]! - place.y) * place.scale + clientHeight / 2,
    ] as const
  }
  const nearest = (x: number, y: number) => {
    let [found, least] = [-1, 14 ** 2]
    for (let i = 0; i < map.ids.length; i++) {
      const [px, py] = screen(i)
      const square = (px - x) ** 2 + (py - y) ** 2
      if (square < least) [found, least] = [i, square]
    }
    return found
  }
  const zoom = (factor: number) =>
    setPlace((before) => ({ ...before, scale: Math.max(20, Math.min(60_000, before.scale * factor)) }))
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
      const [px, py] = screen(found)
      api.item(id).then(
        (item) => wanted.current === id && setNear({ item, x: px, y: py }),
        () => undefined,
      )
    }
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
    ArrowLeft: () => setPlace({ ...place, x: place.x - 40 / place.scale }),
    ArrowRight: () => setPlace({ ...place, x: place.x + 40 / place.scale }),
    ArrowUp: () => setPlace({ ...place, y: place.y - 40 / place.scale }),
    ArrowDown: () => setPlace({ ...place, y: place.y + 40 / place.scale }),
  }
  return (
    <div class="map-frame">
      <div class="map-tools" role="group" aria-label="Map">
        <button type="button" class="button" aria-pressed={mode === 'lasso'} onClick={() => setMode('lasso')}>
          <Icon name="lasso" /> Draw around
        </button>
        <button type="button" class="button" aria-pressed={mode === 'move'} onClick={() => setMode('move')}>
          <Icon name="move" /> Move
        </button>
        <button type="button" class="button square" aria-label="Zoom in" onClick={() => zoom(1.4)}>
          <Icon name="plus" />
        </button>
        <button type="button" class="button square" aria-label="Zoom out" onClick={() => zoom(1 / 1.4)}>
          <Icon name="minus" />
        </button>
        <button type="button" class="button" onClick={fit}>
          Show all
        </button>
      </div>
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
          const [dx, dy] = [x - last.current[0], y - last.current[1]]
          last.current = [x, y]
          setPlace((before) => ({ ...before, x: before.x - dx / before.scale, y: before.y - dy / before.scale }))
        }}
        onPointerUp={end}
        onPointerCancel={end}
        onPointerLeave={hide}
      />
      {near && (
        <div class="map-near" style={{ left: `${near.x}px`, top: `${near.y}px` }}>
          <Picture item={near.item} edge={128} />
          <span>{nameOf(near.item.id)}</span>
        </div>
      )}
    </div>
  )
}

interface SideProps {
  readonly map: GalleryMap
  readonly legend: Legend
  readonly chosen: readonly number[]
  onChoose(chosen: readonly number[]): void
}

function MapSide({ map, legend, chosen, onChoose }: SideProps) {
  const [items, setItems] = useState<readonly Item[]>([])
  const ids = chosen.map((i) => map.ids[i]!)
  useEffect(() => {
    let left = false
    Promise.all(ids.slice(0, SHOWN).map((id) => api.item(id))).then(
      (found) => left || setItems(found),
      () => left || setItems([]),
    )
    return () => {
      left = true
    }
  }, [chosen])
  const reject = () =>
    change(async () => {
      const { changed } = await api.reject(ids.slice(0, 10_000), true)
      onChoose([])
      return `${images(changed)} rejected. "Browse" shows them and takes them back.`
    })
  return (
    <div class="map-side">
      {legend.values.length > 0 && (
        <section class="panel" aria-label="Values">
          <ul class="legend">
            {legend.values.map(([value, count], i) => (
              <li key={value}>
                <button
                  type="button"
                  class="legend-value"
                  title={`Choose all of ${value}`}
                  onClick={() => onChoose(map.ids.flatMap((_, at) => (legend.colours[at] === i ? [at] : [])))}
                >
                  <span class="dot" style={{ background: PALETTE[i]! }} />
                  <span class="facet-name">{value}</span>
                  <span class="facet-count">{number(count)}</span>
                </button>
              </li>
            ))}
            {legend.colours.includes(OTHER) && (
              <li class="legend-value other">
                <span class="dot" style={{ background: PALETTE[OTHER] }} />
                <span class="facet-name">All others</span>
              </li>
            )}
          </ul>
        </section>
      )}
      <section class="panel" aria-labelledby="chosen-title">
        <h2 id="chosen-title" aria-live="polite">
          {ids.length === 0 ? 'Nothing chosen' : `${images(ids.length)} chosen`}
        </h2>
        {ids.length === 0 ? (
          <p class="hint">Draw around images, or press a value above.</p>
        ) : (
          <>
            <div class="row">
              <button
                type="button"
                class="button primary"
                onClick={() => searchBy(...ids.slice(0, EXAMPLES).map((id) => ({ id })))}
              >
                <Icon name="search" /> {ids.length > EXAMPLES ? `Search by the first ${EXAMPLES}` : 'Search by these'}
              </button>
              {writable.value && (
                <button type="button" class="button" onClick={reject}>
                  Reject
                </button>
              )}
              <button type="button" class="button" onClick={() => onChoose([])}>
                Choose none
              </button>
            </div>
            <ul class="grid tiny">
              {items.map((item) => (
                <Card
                  key={item.id}
                  item={item}
                  action="About"
                  onPress={() => {
                    details.value = { item }
                  }}
                />
              ))}
            </ul>
            {ids.length > SHOWN && <p class="hint">The first {SHOWN} are shown.</p>}
          </>
        )}
      </section>
    </div>
  )
}
