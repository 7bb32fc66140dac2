import { setImmediate } from 'node:timers/promises'
import { concat, dotRows, type Filter, type Gallery, galleryPages, type Metadata, unitRows } from '@lookalike/core'
import { mapInWorker, type Projection } from './map-in-worker.js'
import type { Layout } from './map-layout.js'

type Value = string | number | boolean

export interface GalleryMap {
  /** In the order of the gallery. */
  readonly ids: readonly string[]
  /** x and y of each, from -1 to 1. */
  readonly points: readonly number[]
  /** What they have under the key that was asked for. */
  readonly values?: readonly (Value | null)[] | undefined
}

export interface Overview {
  /** Where images lie in two dimensions. Rejected ones are left out. */
  map(options: {
    readonly layout?: Layout | undefined
    readonly key?: string | undefined
    readonly filter?: Filter | undefined
  }): Promise<GalleryMap>
  /**
   * For each of some images, in the order given, the first of them that it is at most `threshold` away from; its own id where there is none before it.
   */
  near(ids: readonly string[], threshold: number): Promise<readonly string[]>
  /** Ends what is being made. */
  dispose(): void
}

/** Vectors read at once. */
const PAGE = 1000
/** A map is fitted to at most so many images, evenly taken; the others are placed on it (ours). */
const SAMPLES: Readonly<Record<Layout, number>> = { pca: 4000, umap: 2000 }
/** Maps kept for one version of the gallery. */
const KEPT = 4

/**
 * What only all vectors together can tell. A map is made once a version of the gallery.
 *
 * @param makeMap off this thread
 */
export function createOverview(gallery: Gallery, version: () => number, makeMap = mapInWorker): Overview {
  const kept = new Map<string, ReturnType<typeof placeImages>>()
  let of = -1
  const ended = new AbortController()
  const fit: Fit = (layout, sample) => makeMap(layout, sample, gallery.dim, ended.signal)
  // One thread at a time, whatever is asked for.
  let turn: Promise<unknown> = Promise.resolve()

  return {
    dispose: () => ended.abort(),
    async map({ layout = 'pca', key, filter }) {
      if (of !== version()) kept.clear()
      of = version()
      const name = JSON.stringify([layout, filter ?? null])
      let places = kept.get(name)
      if (!places) {
        // Others may wait for the same one: that a client leaves does not end it.
        const made = turn.then(() => placeImages(gallery, layout, filter, fit))
        turn = made.catch(() => undefined)
        made.catch(() => kept.get(name) === made && kept.delete(name))
        if (kept.size === KEPT) kept.delete(kept.keys().next().value!)
        kept.set(name, made)
        places = made
      }
      const { ids, points, metadata } = await places
      return {
        ids,
        points,
        values: key === undefined ? undefined : metadata.map((each) => each?.[key] ?? null),
      }
    },

    async near(ids, threshold) {
      const vectors = ids.length === 0 ? new Float32Array() : unitRows((await gallery.vectors(ids)).data, gallery.dim)
      const first: string[] = []
      for (const [i, id] of ids.entries()) {
        // One that is hidden hides nothing itself: chains would swallow a whole list.
        const shown = ids.findIndex(
          (other, j) => j < i && first[j] === other && 1 - dotRows(vectors, i, vectors, j, gallery.dim) <= threshold,
        )
        first.push(shown < 0 ? id : ids[shown]!)
      }
      return first
    },
  }
}

/** A projection that was fitted to vectors, off this thread. */
type Fit = (layout: Layout, sample: Float32Array) => Promise<Projection>

async function placeImages(gallery: Gallery, layout: Layout, filter: Filter | undefined, fit: Fit) {
  const { dim } = gallery
  const step = Math.ceil((await gallery.count({ filter, rejected: false })) / SAMPLES[layout])
  const sample: Float32Array[] = []
  let seen = 0
  // An image that goes meanwhile is missing from both.
  for await (const { entries, embeddings } of galleryPages(gallery, {
    filter,
    rejected: false,
    limit: PAGE,
    withVectors: true,
  })) {
    for (let row = 0; row < entries.length; row++)
      if (seen++ % step === 0) sample.push(embeddings!.data.slice(row * dim, (row + 1) * dim))
    await setImmediate()
  }
  const [first, ...others] = sample
  if (!first) return { ids: [], metadata: [], points: [] }
  const projection = await fit(layout, concat([first, ...others]))
  try {
    return await placeAll(gallery, projection, filter)
  } finally {
    await projection.dispose()
  }
}

async function placeAll(gallery: Gallery, projection: Projection, filter: Filter | undefined) {
  const ids: string[] = []
  const metadata: (Metadata | undefined)[] = []
  const points: number[] = []
  for await (const { entries, embeddings } of galleryPages(gallery, {
    filter,
    rejected: false,
    limit: PAGE,
    withVectors: true,
  })) {
    const placed = await projection.place(embeddings!.data.slice())
    for (const entry of entries) {
      ids.push(entry.id)
      metadata.push(entry.metadata)
    }
    for (const value of placed) points.push(value)
    await setImmediate()
  }
  return { ids, metadata, points: centred(points) }
}

/** From -1 to 1, the middle of what is there in the middle. */
function centred(points: readonly number[]): number[] {
  const middles = [0, 1].map((k) => {
    let [from, to] = [Infinity, -Infinity]
    for (let i = k; i < points.length; i += 2) {
      from = Math.min(from, points[i]!)
      to = Math.max(to, points[i]!)
    }
    return (from + to) / 2
  })
  const moved = points.map((value, i) => value - middles[i % 2]!)
  const largest = moved.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12)
  return moved.map((value) => Math.round((value / largest) * 1e4) / 1e4)
}
