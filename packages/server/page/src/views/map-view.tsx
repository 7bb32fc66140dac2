import { useEffect, useMemo, useState } from 'preact/hooks'
import { type ApiError, api, type GalleryMap } from '../api.js'
import { Choice } from '../components/choice.js'
import { MapFrame } from '../components/map-frame.js'
import { legendOf } from '../components/map-legend.js'
import { MapSide } from '../components/map-side.js'
import { Empty, Failed, Loading } from '../components/states.js'
import { images } from '../names.js'
import { asApiError } from '../state/gallery.js'
import { filter } from '../state/query.js'

const LAYOUTS = { pca: 'Principal components', umap: 'UMAP' }
type Layout = keyof typeof LAYOUTS

/** All images on a plane: what is near looks alike. */
export function MapView() {
  const [map, setMap] = useState<GalleryMap>()
  const [keys, setKeys] = useState<readonly string[]>()
  const [key, setKey] = useState<string>()
  const [layout, setLayout] = useState<Layout>('pca')
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
    api.map({ layout, key, filter: wanted }, controller.signal).then(
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
        <MapOptions layout={layout} onLayout={setLayout} keys={keys ?? []} keyName={key} onKey={setKey} />
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
          <MapFrame map={map} colours={legend.colours} chosen={chosen} onChoose={setChosen} />
          <MapSide map={map} legend={legend} chosen={chosen} onChoose={setChosen} />
        </div>
      )}
    </div>
  )
}

interface OptionsProps {
  readonly layout: Layout
  onLayout(layout: Layout): void
  /** That images may be coloured by. */
  readonly keys: readonly string[]
  readonly keyName: string | undefined
  onKey(key: string): void
}

function MapOptions({ layout, onLayout, keys, keyName, onKey }: OptionsProps) {
  return (
    <div class="row">
      <Choice label="Layout" class="row" value={layout} choices={LAYOUTS} onChoose={onLayout} />
      {keys.length > 0 && (
        <Choice
          label="Colour by"
          class="row"
          value={keyName}
          choices={Object.fromEntries(keys.map((each) => [each, each]))}
          onChoose={onKey}
        />
      )}
    </div>
  )
}
