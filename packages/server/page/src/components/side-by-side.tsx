import { useEffect, useState } from 'preact/hooks'
import { api, type Item } from '../api.js'
import { nameOf, titleOf } from '../names.js'
import { searchBy } from '../state/query.js'
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

/** The order before the rerankers beside the one after them, with how far each image moved. */
export function SideBySide() {
  const { hits, before } = results.value
  const [others, setOthers] = useState<ReadonlyMap<string, Item>>(new Map())
  const byId = new Map<string, Item>([...others, ...hits.map((hit) => [hit.id, hit] as const)])
  const missing = before.filter((id) => !byId.has(id))
  useEffect(() => {
    if (missing.length === 0) return
    let left = false
    Promise.all(missing.map((id) => api.item(id))).then(
      (items) => left || setOthers(new Map([...others, ...items.map((item) => [item.id, item] as const)])),
      () => undefined,
    )
    return () => {
      left = true
    }
  }, [missing.join('\n')])
  const after = new Map(hits.map(({ id, rank }) => [id, rank]))
  return (
    <div class="columns">
      <section aria-labelledby="before-title">
        <h3 id="before-title">Before</h3>
        <ol class="ranks">
          {before.map((id, i) => {
            const item = byId.get(id)
            const now = after.get(id)
            return item && <Row key={id} item={item} rank={i + 1} note={now === undefined ? 'later' : `now ${now}`} />
          })}
        </ol>
      </section>
      <section aria-labelledby="after-title">
        <h3 id="after-title">After</h3>
        <ol class="ranks">
          {hits.map((hit) => {
            const { note, tone } = moveOf(hit.rank, hit.rankBefore)
            return <Row key={hit.id} item={hit} rank={hit.rank} note={note} tone={tone} />
          })}
        </ol>
      </section>
    </div>
  )
}
