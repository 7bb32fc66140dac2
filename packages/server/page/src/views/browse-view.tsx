import { signal } from '@preact/signals'
import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, api, type Item } from '../api.js'
import { IconButton } from '../components/button.js'
import { Card } from '../components/card.js'
import { Choice } from '../components/choice.js'
import { Facets } from '../components/facets.js'
import { Empty, Failed, Skeletons } from '../components/states.js'
import { images } from '../names.js'
import { details } from '../state/details.js'
import { asApiError, change, writable } from '../state/gallery.js'
import { filter } from '../state/query.js'

const ORDERS = { stored: 'As stored', uncertainty: 'Least sure first' }
const SHOWN = { all: 'All images', without: 'Those that are found', only: 'Rejected ones' }
const order = signal<keyof typeof ORDERS>('stored')
const which = signal<keyof typeof SHOWN>('all')
const PAGE = 96

/** All images, the least sure first if wanted; several can be rejected or taken back at once. */
export function BrowseView() {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const { items, setItems, next, error, load } = useItems(() => setPicked(new Set()))
  const toggle = (id: string) => {
    const now = new Set(picked)
    if (!now.delete(id)) now.add(id)
    setPicked(now)
  }
  const reject = async (rejected: boolean) => {
    const ids = [...picked]
    const done = await change(async () => {
      const { changed } = await api.reject(ids, rejected)
      return rejected ? `${images(changed)} kept out of the results.` : `${images(changed)} taken back.`
    })
    if (!done) return
    // More may have been loaded and chosen meanwhile.
    const changed = new Set(ids)
    setItems((known) => known?.map((item) => (changed.has(item.id) ? { ...item, rejected } : item)))
    setPicked((now) => new Set([...now].filter((id) => !changed.has(id))))
  }
  return (
    <div class="split">
      <aside class="side" aria-label="Browse">
        <BrowseOptions />
        <details class="fold" open={innerWidth > 760}>
          <summary>Narrow down</summary>
          <Facets />
        </details>
      </aside>
      <div class="main-column">
        {error && <Failed error={error} onRetry={() => void load()} />}
        {!items && !error && <Skeletons />}
        {items?.length === 0 && <NothingHere />}
        <ul class="grid" aria-label="Images">
          {items?.map((item) => (
            <BrowseCard key={item.id} item={item} chosen={picked.has(item.id)} onToggle={() => toggle(item.id)} />
          ))}
        </ul>
        {next !== undefined && (
          <div class="row centre">
            <button type="button" class="button" onClick={() => void load(next)}>
              Show more
            </button>
          </div>
        )}
        {picked.size > 0 && (
          <div class="action-bar" role="region" aria-label="Chosen images">
            <span>{images(picked.size)} chosen</span>
            <button type="button" class="button" onClick={() => setPicked(new Set())}>
              Choose none
            </button>
            <button type="button" class="button" onClick={() => reject(false)}>
              Take back
            </button>
            <button type="button" class="button primary" onClick={() => reject(true)}>
              Reject
            </button>
          </div>
        )}
      </div>
    </div>
  )
}

/** The list that is wanted, page by page. @param onChange another list is wanted */
function useItems(onChange: () => void) {
  const [items, setItems] = useState<readonly Item[]>()
  const [next, setNext] = useState<string>()
  const [error, setError] = useState<ApiError>()
  const wanted = filter.value

  // Ends with the list that it loads.
  const controller = useRef(new AbortController())
  const load = async (after?: string) => {
    const { signal } = controller.current
    // One page is asked for once.
    setNext(undefined)
    try {
      const query = { limit: PAGE, order: order.value, rejected: which.value }
      const page = await api.items({ ...query, after, filter: wanted && JSON.stringify(wanted) }, signal)
      setItems((before = []) => (after === undefined ? page.items : [...before, ...page.items]))
      setNext(page.next)
      setError(undefined)
    } catch (cause) {
      if (signal.aborted) return
      setError(asApiError(cause))
      setNext(after)
    }
  }
  useEffect(() => {
    controller.current = new AbortController()
    setItems(undefined)
    onChange()
    void load()
    return () => controller.current.abort()
  }, [order.value, which.value, JSON.stringify(wanted)])
  return { items, setItems, next, error, load }
}

function BrowseOptions() {
  return (
    <section class="panel">
      <h1 class="panel-title">Browse</h1>
      <Choice
        label="Order"
        class="field"
        value={order.value}
        choices={ORDERS}
        onChoose={(value) => {
          order.value = value
        }}
      />
      <Choice
        label="Show"
        class="field"
        value={which.value}
        choices={SHOWN}
        onChoose={(value) => {
          which.value = value
        }}
      />
      {!writable.value && <p class="hint">To reject images, start the server with --write.</p>}
    </section>
  )
}

interface BrowseCardProps {
  readonly item: Item
  readonly chosen: boolean
  onToggle(): void
}

function BrowseCard({ item, chosen, onToggle }: BrowseCardProps) {
  const about = () => {
    details.value = { item }
  }
  return (
    <Card
      item={item}
      action={writable.value ? (chosen ? 'Leave out' : 'Choose') : 'About'}
      onPress={writable.value ? onToggle : about}
      badge={item.uncertainty === undefined ? undefined : item.uncertainty.toPrecision(3)}
      tone={chosen ? 'chosen' : undefined}
    >
      <IconButton icon="info" label={`About ${item.id}`} onPress={about} />
    </Card>
  )
}

function NothingHere() {
  if (order.value === 'uncertainty') {
    return (
      <Empty title="No image has an uncertainty">
        <p>An ensemble tells how sure it is of each image. Index with one, or browse as stored.</p>
      </Empty>
    )
  }
  return (
    <Empty title={which.value === 'only' ? 'Nothing is rejected' : 'No images here'}>
      <p>{filter.value ? 'Clear what narrows them down.' : 'Choose what to show on the left.'}</p>
    </Empty>
  )
}
