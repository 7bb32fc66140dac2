import { concat, dotRows, type Filter, type Gallery, type GalleryEntry, type Metadata, unitRows } from '@lookalike/core'
import { principalPlane } from './principal-plane.js'

type Value = string | number | boolean

export interface GalleryMap {
  /** In the order of the gallery. */
  readonly ids: readonly string[]
  /** x and y of each, from -1 to 1. */
  readonly points: readonly number[]
  /** What they have under the key that was asked for. */
  readonly values?: readonly (Value | null)[]
}

export interface Overview {
  /** Where images lie on the plane that their vectors spread out in most. Rejected ones are left out. */
  map(options: { readonly key?: string | undefined; readonly filter?: Filter | undefined }): Promise<GalleryMap>
  /**
   * For each of some images, in the order given, the first of them that it is at most `threshold` away from; its own id where there is none before it.
   */
  near(ids: readonly string[], threshold: number): Promise<readonly string[]>
}

/** Vectors read at once. */
const PAGE = 1000
/** The plane is that of at most so many images, evenly taken (ours). */
const SAMPLE = 4000

/** What only all vectors together can tell. A map is made once a version of the gallery. */
export function createOverview(gallery: Gallery, version: () => number): Overview {
  let kept: { readonly of: string; readonly places: ReturnType<typeof place> } | undefined

  /** Pages of entries with their vectors: an image that goes meanwhile is missing from both. */
  async function each(
    filter: Filter | undefined,
    visit: (entries: readonly GalleryEntry[], vectors: Float32Array) => void,
  ) {
    let after: string | undefined
    do {
      const page = await gallery.page({ filter, rejected: false, after, limit: PAGE, withVectors: true })
      if (page.entries.length > 0) visit(page.entries, page.embeddings!.data)
      after = page.next
      // Other requests come in between.
      await new Promise((resolve) => setImmediate(resolve))
    } while (after !== undefined)
  }

  async function place(filter: Filter | undefined) {
    const { dim } = gallery
    const step = Math.ceil((await gallery.count({ filter, rejected: false })) / SAMPLE)
    const sample: Float32Array[] = []
    let seen = 0
    await each(filter, (entries, vectors) => {
      for (let row = 0; row < entries.length; row++)
        if (seen++ % step === 0) sample.push(vectors.slice(row * dim, (row + 1) * dim))
    })
    const [first, ...others] = sample
    if (!first) return { ids: [], metadata: [], points: [] }
    const { mean, axes } = await principalPlane(concat([first, ...others]), dim)
    const centre = axes.map((axis) => dotRows(axis, 0, mean, 0, dim))
    const ids: string[] = []
    const metadata: (Metadata | undefined)[] = []
    const points: number[] = []
    await each(filter, (entries, vectors) => {
      for (const [row, entry] of entries.entries()) {
        ids.push(entry.id)
        metadata.push(entry.metadata)
        for (const [k, axis] of axes.entries()) points.push(dotRows(axis, 0, vectors, row, dim) - centre[k]!)
      }
    })
    const largest = points.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-12)
    return { ids, metadata, points: points.map((value) => Math.round((value / largest) * 1e4) / 1e4) }
  }

  return {
    async map({ key, filter }) {
      const of = JSON.stringify([version(), filter ?? null])
      if (kept?.of !== of) {
        // Others may wait for the same one: that a client leaves does not end it.
        const places = place(filter)
        kept = { of, places }
        places.catch(() => {
          if (kept?.places === places) kept = undefined
        })
      }
      const { ids, points, metadata } = await kept.places
      return {
        ids,
        points,
        ...(key !== undefined && { values: metadata.map((each) => each?.[key] ?? null) }),
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
