import { useEffect, useState } from 'preact/hooks'
import { api, type GalleryMap, type Item } from '../api.js'
import { images, number } from '../names.js'
import { details } from '../state/details.js'
import { change, writable } from '../state/gallery.js'
import { searchBy } from '../state/query.js'
import { Card } from './card.js'
import { Icon } from './icon.js'
import { type Legend, OTHER, PALETTE } from './map-legend.js'

/** Pictures of a choice that are shown at once. */
const SHOWN = 24
/** Images that a search may be by. */
const EXAMPLES = 20

interface SideProps {
  readonly map: GalleryMap
  readonly legend: Legend
  readonly chosen: readonly number[]
  onChoose(chosen: readonly number[]): void
}

/** What colours mean, and what was chosen. */
export function MapSide({ map, legend, chosen, onChoose }: SideProps) {
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
      {legend.values.length > 0 && <LegendPanel map={map} legend={legend} onChoose={onChoose} />}
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

function LegendPanel({ map, legend, onChoose }: Omit<SideProps, 'chosen'>) {
  return (
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
  )
}
