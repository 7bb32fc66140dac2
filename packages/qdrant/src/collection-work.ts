import { setTimeout as sleep } from 'node:timers/promises'
import { type GalleryItem, LookalikeError, type OpenGalleryOptions } from '@lookalike/core'
import { checkHeld, closedGallery, noSuchGallery, readOnlyGallery } from '@lookalike/core/gallery'
import { noteChange } from './beside.js'
import { keysOf } from './filter-fields.js'
import { findHeld, type Held, indexKeys, type Place } from './held.js'
import { isMissing } from './qdrant-errors.js'
import { guarded } from './qdrant-server.js'

export interface GalleryPlace extends Place {
  readonly opening: OpenGalleryOptions
  /** Images from which on searches use the graph. */
  readonly exactBelow: number
  /** That an answer may take. */
  readonly seconds: number
}

/** A change waits so long for a rewrite that does nothing. */
const STUCK_MS = 60_000
const POLL_MS = 100

/** An open gallery at work: what its collection holds, and how that is read and changed. */
export interface CollectionWork {
  readonly place: GalleryPlace
  /** As last read. */
  held: Held
  /** Images added here since they were counted. */
  added: number
  /** Anything at all, with errors that say what it was about. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Where a rewrite has dropped the collection, in the new one, if that is of the same space still. */
  read<T>(work: (now: Held) => Promise<T>): Promise<T>
  /** A change of images. Where a rewrite was about to switch, it is made again in the collection that it switched to. */
  change<T>(work: (now: Held) => Promise<T>): Promise<T>
  /** Makes the keys of these images fit for filters. */
  ensureKeys(now: Held, items: readonly Pick<GalleryItem, 'metadata'>[]): Promise<void>
  /** @throws `gallery/not-found`, `gallery/space` */
  reload(): Promise<Held>
  /** @throws `gallery/read-only` */
  checkWriter(): void
  close(): void
}

export function createCollectionWork(place: GalleryPlace, found: Held): CollectionWork {
  const { name, opening, seconds } = place
  let closed = false
  const work: CollectionWork = {
    place,
    held: found,
    added: 0,
    run: (act) =>
      guarded(name, seconds, async () => {
        if (closed) throw closedGallery(name)
        return act()
      }),
    read: (act) => work.run(() => withHeld(work, act)),
    change: (act) =>
      work.run(async () => {
        work.checkWriter()
        for (;;) {
          const { result, collection } = await withHeld(work, async (now) => ({
            result: await act(now),
            collection: now.collection,
          }))
          const step = await noteChange(place, collection)
          if (step === undefined) return result
          await switched(work, collection, step)
        }
      }),
    async ensureKeys(now, items) {
      const missing = [...keysOf(items)].filter((key) => !now.keys.has(key))
      if (missing.length === 0) return
      await indexKeys(place, now.collection, missing)
      if (work.held === now) work.held = { ...now, keys: new Set([...now.keys, ...missing]) }
    },
    async reload() {
      const now = await findHeld(place)
      if (!now) throw noSuchGallery(name)
      checkHeld(name, now, { space: work.held.space, dim: work.held.dim })
      work.added = 0
      return (work.held = now)
    },
    checkWriter() {
      if (opening.mode === 'read') throw readOnlyGallery(name)
    },
    close() {
      closed = true
    },
  }
  return work
}

async function withHeld<T>(work: CollectionWork, act: (now: Held) => Promise<T>): Promise<T> {
  const before = work.held
  try {
    return await act(before)
  } catch (error) {
    if (!isMissing(error)) throw error
    const now = await work.reload()
    if (now.collection === before.collection) throw error
    return act(now)
  }
}

/** Waits until a rewrite has switched. @throws `gallery/space` where it is another space then, `gallery/locked` */
async function switched(work: CollectionWork, from: string, first: string): Promise<void> {
  let step = first
  for (let waited = 0; (await work.reload()).collection === from; waited += POLL_MS) {
    if (waited >= STUCK_MS) throw sealed(work.place.name)
    await sleep(POLL_MS)
    const now = await noteChange(work.place, from)
    if (now === undefined) return
    if (now !== step) waited = 0
    step = now
  }
}

const sealed = (name: string) =>
  new LookalikeError(
    'gallery/locked',
    {
      problem: `A rewrite of the gallery ${name} was broken off when it was about to switch, or is stuck`,
      expected: 'that it ends, or is begun again',
      fix: 'Run the upgrade again: it takes the place of one that was broken off.',
    },
    { fields: { gallery: name } },
  )
