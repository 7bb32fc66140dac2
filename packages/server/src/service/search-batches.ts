import { setImmediate } from 'node:timers/promises'
import {
  createEmbeddings,
  type Embeddings,
  type Gallery,
  type GalleryHit,
  type GallerySearchOptions,
  LookalikeError,
} from '@lookalike/core'

/** Searches that are asked for at the same time run as one: a pass over the vectors costs hardly more for many queries. */
export interface SearchBatches {
  /** @throws `serve/busy` */
  search(query: Embeddings, k: number, options: GallerySearchOptions): Promise<GalleryHit[]>
}

interface Waiting {
  readonly query: Embeddings
  readonly k: number
  resolve(hits: GalleryHit[]): void
  reject(error: unknown): void
}

const MOST_ROWS = 64
const MOST_WAITING = 2048

export function createSearchBatches(gallery: Gallery): SearchBatches {
  const groups = new Map<string, { readonly options: GallerySearchOptions; readonly waiting: Waiting[] }>()
  let waiting = 0
  let running = false

  const next = async () => {
    if (running) return
    running = true
    // What else came in this turn of the event loop goes with it.
    await setImmediate()
    for (let [found] = groups; found; [found] = groups) {
      const [key, group] = found
      const batch = group.waiting.splice(0, MOST_ROWS)
      // The rest goes behind the others.
      groups.delete(key)
      if (group.waiting.length > 0) groups.set(key, group)
      waiting -= batch.length
      await run(batch, group.options)
    }
    running = false
  }

  const run = async (batch: readonly Waiting[], options: GallerySearchOptions) => {
    try {
      const { dim, space, role } = batch[0]!.query
      const data = new Float32Array(batch.length * dim)
      for (const [row, { query }] of batch.entries()) data.set(query.data, row * dim)
      const queries = createEmbeddings({ data, rows: batch.length, dim, space, role })
      const found = await gallery.search(queries, Math.max(...batch.map(({ k }) => k)), options)
      for (const [row, each] of batch.entries()) each.resolve(found[row]!.slice(0, each.k))
    } catch (error) {
      for (const each of batch) each.reject(error)
    }
  }

  return {
    search: (query, k, { signal, ...options }) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted()
        if (waiting >= MOST_WAITING) throw busy()
        const { filter, threshold, includeRejected, withVectors } = options
        const key = JSON.stringify([query.role, filter, threshold, includeRejected, withVectors, bucket(k)])
        const group = groups.get(key) ?? { options, waiting: [] as Waiting[] }
        groups.set(key, group)
        group.waiting.push({ query, k, resolve, reject })
        waiting++
        void next()
      }),
  }
}

/** Searches of a few and of thousands do not wait for each other. */
const bucket = (k: number) => Math.ceil(Math.log2(k))

const busy = () =>
  new LookalikeError('serve/busy', {
    problem: `${MOST_WAITING} searches wait already`,
    fix: 'Try again in a moment.',
  })
