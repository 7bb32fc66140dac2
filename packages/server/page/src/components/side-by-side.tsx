import { useEffect, useState } from 'preact/hooks'
import { api, type Item } from '../api.js'
import { besideName, images, modelName, nameOf, number, titleOf } from '../names.js'
import { gallery } from '../state/gallery.js'
import { compare, searchBy } from '../state/query.js'
import { results } from '../state/results.js'
import { Picture } from './picture.js'

function Row({ item, rank, note, tone }: { item: Item; rank: number; note: string; tone?: string }) {
  return (
    <li class="rank-row" data-id={item.id}>
      <span class="rank">{rank}</span>
      <button
        type="button"
        class="rank-picture"
        aria-label={`Search by ${item.id}`}
        onClick={() => searchBy({ id: item.id })}
      >
        <Picture item={item} edge={128} />
      </button>
      <span class="rank-text">
        <span class="card-title">{titleOf(item)}</span>
        <span class="card-note">{nameOf(item.id)}</span>
      </span>
      <span class={`move ${tone ?? ''}`}>{note}</span>
    </li>
  )
}

function moveOf(rank: number, before: number | undefined): { note: string; tone: string } {
  if (before === undefined) return { note: 'new', tone: 'up' }
  if (before === rank) return { note: 'stays', tone: '' }
  return before > rank ? { note: `up ${before - rank}`, tone: 'up' } : { note: `down ${rank - before}`, tone: 'down' }
}

/** Two orders of the same images, with how far each moved: before and after the rerankers, or of one model and another. */
export function SideBySide() {
  const { hits, before: ids, beside } = results.value
  const known = gallery.value
  const compared = compare.value
  const [before, after] = compared ? [hits.map(({ id }) => id), beside] : [ids, hits]
  const [left, right] = compared && known ? [modelName(known), besideName(known)] : ['Before', 'After']
  const [others, setOthers] = useState<ReadonlyMap<string, Item>>(new Map())
  const byId = new Map<string, Item>([...others, ...hits.map((hit) => [hit.id, hit] as const)])
  const missing = before.filter((id) => !byId.has(id))
  useEffect(() => {
    if (missing.length === 0) return
    let gone = false
    Promise.all(missing.map((id) => api.item(id))).then(
      (items) => gone || setOthers(new Map([...others, ...items.map((item) => [item.id, item] as const)])),
      () => undefined,
    )
    return () => {
      gone = true
    }
  }, [missing.join('\n')])
  const ranks = new Map(after.map(({ id, rank }) => [id, rank]))
  const placeOf = (rank: number | undefined) =>
    rank === undefined ? 'later' : compared ? `there ${rank}` : `now ${rank}`
  return (
    <>
      {compared && known?.beside && known.beside.shared < known.size && (
        <p class="hint">
          Both models know {images(known.beside.shared)} of {number(known.size)}; the others are in the left list alone.
        </p>
      )}
      <div class="columns">
        <section aria-labelledby="before-title">
          <h2 id="before-title">{left}</h2>
          <ol class="ranks">
            {before.map((id, i) => {
              const item = byId.get(id)
              return item && <Row key={id} item={item} rank={i + 1} note={placeOf(ranks.get(id))} />
            })}
          </ol>
        </section>
        <section aria-labelledby="after-title">
          <h2 id="after-title">{right}</h2>
          <ol class="ranks">
            {after.map((hit) => {
              const { note, tone } = moveOf(hit.rank, hit.rankBefore)
              return <Row key={hit.id} item={hit} rank={hit.rank} note={note} tone={tone} />
            })}
          </ol>
        </section>
      </div>
    </>
  )
}
