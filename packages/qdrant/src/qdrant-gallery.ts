import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Gallery, GalleryChange, GalleryItem, GalleryVectors, OpenGalleryOptions } from '@lookalike/core'
import { LookalikeError } from '@lookalike/core'
import {
  checkChanges,
  checkHeld,
  checkIds,
  checkItems,
  checkQueries,
  checkStorable,
  checkVectors,
  closedGallery,
  findMember,
  noSuchGallery,
  noSuchPage,
  readOnlyGallery,
  unknownImage,
} from '@lookalike/core/gallery'
import { noteChange, readRevision } from './beside.js'
import { qdrantCodes } from './codes.js'
import { conditionOf, findPoints, scrollPoints } from './collection.js'
import { keysOf } from './filter-fields.js'
import { findHeld, type Held, indexKeys, memberName, OWN, type Place } from './held.js'
import { pointId } from './point-id.js'
import { blocksOf, ENTRY, entryOf, LOOKED_UP, matrixOf, membersOf, partsOf, payloadOf, pointOf } from './points.js'
import { isMissing, isMissingPoint } from './qdrant-errors.js'
import { guarded } from './qdrant-server.js'
import { rewriteCollection } from './rewrite-collection.js'
import { searchPoints } from './search-points.js'

export interface GalleryPlace extends Place {
  readonly opening: OpenGalleryOptions
  /** Images from which on searches use the graph. */
  readonly exactBelow: number
  /** That an answer may take. */
  readonly seconds: number
}

/** What pages start with, so that any other text is known to be none. */
const PAGE = /^after:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
/** A change waits so long for a rewrite that does nothing. */
const STUCK_MS = 60_000
const POLL_MS = 100

/** An open gallery. */
export function qdrantGallery(place: GalleryPlace, found: Held, revision: string): Gallery {
  const { call, name, opening, exactBelow, seconds } = place
  const root = path.resolve(opening.root ?? '.')
  let held = found
  /** Added here since it was counted. */
  let added = 0
  let seen = revision
  let closed = false

  const run = <T>(work: () => Promise<T>): Promise<T> =>
    guarded(name, seconds, async () => {
      if (closed) throw closedGallery(name)
      return work()
    })
  const reload = async (): Promise<Held> => {
    const now = await findHeld(place)
    if (!now) throw noSuchGallery(name)
    checkHeld(name, now, { space: held.space, dim: held.dim })
    added = 0
    return (held = now)
  }
  /** Where a rewrite has dropped the collection, those of the new one, if they are of the same space still. */
  const withHeld = async <T>(work: (now: Held) => Promise<T>): Promise<T> => {
    const before = held
    try {
      return await work(before)
    } catch (error) {
      if (!isMissing(error)) throw error
      const now = await reload()
      if (now.collection === before.collection) throw error
      return work(now)
    }
  }
  const read = <T>(work: (now: Held) => Promise<T>): Promise<T> => run(() => withHeld(work))
  const checkWriter = () => {
    if (opening.mode === 'read') throw readOnlyGallery(name)
  }
  /** A change of images. Where a rewrite was about to switch, it is made again in the collection that it switched to. */
  const change = <T>(work: (now: Held) => Promise<T>): Promise<T> =>
    run(async () => {
      checkWriter()
      for (;;) {
        const { result, collection } = await withHeld(async (now) => ({
          result: await work(now),
          collection: now.collection,
        }))
        const step = await noteChange(place, collection)
        if (step === undefined) return result
        await switched(collection, step)
      }
    })
  /** @throws `gallery/space` where it is another space then, `gallery/locked` */
  const switched = async (from: string, first: string): Promise<void> => {
    let step = first
    for (let waited = 0; (await reload()).collection === from; waited += POLL_MS) {
      if (waited >= STUCK_MS) throw sealed(name)
      await sleep(POLL_MS)
      const now = await noteChange(place, from)
      if (now === undefined) return
      if (now !== step) waited = 0
      step = now
    }
  }
  const ensureKeys = async (now: Held, items: readonly Pick<GalleryItem, 'metadata'>[]) => {
    const missing = [...keysOf(items)].filter((key) => !now.keys.has(key))
    if (missing.length === 0) return
    await indexKeys(place, now.collection, missing)
    if (held === now) held = { ...now, keys: new Set([...now.keys, ...missing]) }
  }

  return {
    name,
    root,
    base: root,
    warnings: [],
    capabilities: { approximate: true, filters: 'before', writers: 'many', transactions: false },
    get space() {
      return held.space
    },
    get dim() {
      return held.dim
    },
    get members() {
      return held.members
    },
    count: (selection = {}) =>
      read(async (now) => {
        const filter = await conditionOf(place, now, selection)
        const wanted = { collection_name: now.collection, exact: true, ...(filter && { filter }) }
        return (await call('countPoints', wanted)).count
      }),
    get: (ids) =>
      read(async (now) => {
        checkIds(ids)
        const points = await findPoints(place, now.collection, ids, ENTRY)
        return ids.map((id) => {
          const point = points.get(id)
          return point && entryOf(point)
        })
      }),
    findSources: (sources) =>
      read(async (now) => {
        const entries = []
        for (const any of partsOf([...new Set(sources)])) {
          const filter = { must: { key: 'source', match: { any: [...any] } } }
          const wanted = { filter, limit: LOOKED_UP, with_payload: [...ENTRY], with_vector: false }
          for await (const points of scrollPoints(place, now.collection, wanted)) entries.push(...points.map(entryOf))
        }
        return entries
      }),
    page: ({ after, limit = LOOKED_UP, withVectors = false, withMembers = false, signal, ...selection } = {}) =>
      read(async (now) => {
        signal?.throwIfAborted()
        const [, offset] = (after === undefined ? undefined : PAGE.exec(after)) ?? []
        if (after !== undefined && offset === undefined) throw noSuchPage(name, after)
        const filter = await conditionOf(place, now, selection)
        const vectors = vectorNames(now, withVectors, withMembers)
        const wanted = { limit, with_payload: [...ENTRY], with_vector: vectors.length === 0 ? false : vectors }
        const { points, next_page_offset: next } = await call(
          'scrollPoints',
          {
            collection_name: now.collection,
            ...wanted,
            ...(filter && { filter }),
            ...(offset !== undefined && { offset }),
          },
          signal,
        )
        return {
          entries: points.map(entryOf),
          ...(withVectors && { embeddings: matrixOf(name, points, OWN, now) }),
          ...(withMembers && { members: membersOf(name, now, points) }),
          ...(next !== null && next !== undefined && { next: `after:${next}` }),
        }
      }),
    add: (items, vectors, { signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        checkStorable(items)
        checkVectors(held, vectors, items.length)
        if (items.length === 0) return
        const given = copyOf(items, vectors)
        await change(async (now) => {
          await ensureKeys(now, given.items)
          await addPoints(place, now, given.items, given.vectors)
          added += items.length
        })
      }),
    update: (changes) =>
      run(async () => {
        checkChanges(changes)
        checkStorable(changes)
        if (changes.length === 0) return
        const given = structuredClone(changes)
        await change(async (now) => {
          await ensureKeys(now, given)
          await updatePoints(place, now, given)
        })
      }),
    remove: (ids) =>
      run(async () => {
        checkIds(ids)
        if (ids.length === 0) return 0
        return change(async (now) => {
          const there = [...(await findPoints(place, now.collection, ids, [])).keys()]
          for (const part of partsOf(there))
            await call('deletePoints', { collection_name: now.collection, wait: true, points: part.map(pointId) })
          return there.length
        })
      }),
    search: (queries, k, options = {}) =>
      read(async (now) => {
        options.signal?.throwIfAborted()
        const exact = now.points + added < exactBelow
        return searchPoints(place, now, exact, checkQueries(now, queries, k), k, options)
      }),
    vectors: (ids, member) =>
      read(async (now) => {
        checkIds(ids)
        const wanted = member === undefined ? now : findMember(name, now, member)
        const at = now.members.findIndex((each) => each.name === member)
        const vector = at < 0 ? OWN : memberName(at)
        const points = await findPoints(place, now.collection, ids, [], [vector])
        const rows = ids.map((id) => {
          const point = points.get(id)
          if (!point) throw unknownImage(name, id)
          return point
        })
        return matrixOf(name, rows, vector, wanted)
      }),
    codes: (reranker, key) =>
      qdrantCodes({
        ...place,
        reranker,
        key,
        run,
        change: (work) =>
          run(async () => {
            checkWriter()
            const result = await work()
            await noteChange(place, held.collection)
            return result
          }),
      }),
    prepare: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode !== 'read') await indexed(place, await reload(), signal)
      }),
    rewrite: (wanted, { signal } = {}) =>
      run(async () => {
        checkWriter()
        await rewriteCollection(place, await reload(), wanted, signal)
        const now = await findHeld(place)
        if (!now) throw noSuchGallery(name)
        held = now
        await noteChange(place, now.collection)
      }),
    refresh: () =>
      run(async () => {
        await reload()
        const now = await readRevision(place)
        const news = now !== seen
        seen = now
        return news
      }),
    // Qdrant does that by itself.
    compact: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkWriter()
      }),
    verify: ({ signal } = {}) =>
      read(async (now) => {
        const vectors = vectorNames(now, true, true)
        const wanted = { limit: LOOKED_UP, with_payload: [...ENTRY], with_vector: vectors }
        for await (const points of scrollPoints(place, now.collection, wanted, signal)) {
          matrixOf(name, points, OWN, now)
          membersOf(name, now, points)
          const wrong = points.find((point) => pointId(entryOf(point).id) !== point.id)
          if (wrong) throw strangePoint(name, wrong.id)
        }
      }),
    async close() {
      closed = true
    },
  }
}

const vectorNames = ({ members }: Held, own: boolean, others: boolean): string[] => [
  ...(own ? [OWN] : []),
  ...(others ? members.map((_, i) => memberName(i)) : []),
]

/** Whoever gave them may change them while a change waits. */
function copyOf(items: readonly GalleryItem[], vectors: GalleryVectors) {
  const copy = <T extends { readonly data: Float32Array }>(each: T): T => ({ ...each, data: each.data.slice() })
  const members = Object.entries(vectors.members ?? {}).map(([member, each]) => [member, copy(each)] as const)
  return {
    items: structuredClone(items),
    vectors: { embeddings: copy(vectors.embeddings), members: Object.fromEntries(members) },
  }
}

async function addPoints({ call }: Place, held: Held, items: readonly GalleryItem[], vectors: GalleryVectors) {
  const matrices = checkVectors(held, vectors, items.length)
  const values = matrices.reduce((sum, { dim }) => sum + dim, 0)
  for (const [from, to] of blocksOf(items, values))
    await call('upsertPoints', {
      collection_name: held.collection,
      wait: true,
      points: items.slice(from, to).map((item, i) => pointOf(pointId(item.id), item, matrices, from + i)),
    })
}

/** Later changes of an image count more. @throws `gallery/unknown-id` */
async function updatePoints(place: Place, held: Held, changes: readonly GalleryChange[]): Promise<void> {
  const merged = new Map<string, GalleryChange>()
  for (const change of changes) {
    const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    merged.set(change.id, { ...merged.get(change.id), ...given, id: change.id })
  }
  const there = await findPoints(place, held.collection, [...merged.keys()], [])
  const missing = changes.find(({ id }) => !there.has(id))
  if (missing) throw unknownImage(place.name, missing.id)
  for (const part of partsOf([...merged.values()]))
    try {
      await place.call('batchUpdate', {
        collection_name: held.collection,
        wait: true,
        operations: part.map((change) => ({
          set_payload: { payload: payloadOf(change), points: [pointId(change.id)] },
        })),
      })
    } catch (error) {
      // Another writer has taken it away this moment.
      throw isMissingPoint(error) ? unknownImage(place.name, part[0]!.id) : error
    }
}

/** Waits for the graph. */
async function indexed({ call, name }: Place, { collection }: Held, signal: AbortSignal | undefined): Promise<void> {
  for (let wait = POLL_MS; ; wait = Math.min(2 * wait, 5000)) {
    const { status, optimizer_status } = await call('getCollection', { collection_name: collection }, signal)
    if (typeof optimizer_status === 'object')
      throw new LookalikeError(
        'gallery/write',
        {
          problem: `Qdrant cannot index the gallery ${name}: ${optimizer_status.error}`,
          fix: "Look into the server's log.",
        },
        { fields: { gallery: name } },
      )
    if (status !== 'yellow') return
    await sleep(wait, undefined, { ...(signal && { signal }) })
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

const strangePoint = (name: string, point: unknown) =>
  new LookalikeError(
    'gallery/damaged',
    {
      problem: `The gallery ${name} has a point whose id is not that of its image: ${String(point)}`,
      fix: 'Delete it, or restore the gallery from a snapshot.',
    },
    { fields: { gallery: name, point } },
  )
