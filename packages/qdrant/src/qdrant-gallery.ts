import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  Gallery,
  GalleryChange,
  GalleryItem,
  GalleryPage,
  GalleryPageOptions,
  GalleryVectors,
} from '@lookalike/core'
import { LookalikeError } from '@lookalike/core'
import {
  checkChanges,
  checkIds,
  checkItems,
  checkQueries,
  checkStorable,
  checkVectors,
  copyAdditions,
  findVectors,
  mergeChanges,
  noSuchGallery,
  noSuchPage,
  unknownImage,
} from '@lookalike/core/gallery'
import { noteChange, readRevision } from './beside.js'
import { qdrantCodes } from './codes.js'
import { conditionOf, findPoints, scrollPoints } from './collection.js'
import { type CollectionWork, createCollectionWork, type GalleryPlace } from './collection-work.js'
import { findHeld, type Held, memberName, OWN, type Place } from './held.js'
import { pointId } from './point-id.js'
import { blocksOf, ENTRY, entryOf, LOOKED_UP, matrixOf, membersOf, partsOf, payloadOf, pointOf } from './points.js'
import { isMissingPoint } from './qdrant-errors.js'
import { rewriteCollection } from './rewrite-collection.js'
import { searchPoints } from './search-points.js'

/** What pages start with, so that any other text is known to be none. */
const PAGE = /^after:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/
const POLL_MS = 100

/** An open gallery. */
export function qdrantGallery(place: GalleryPlace, found: Held, revision: string): Gallery {
  const work = createCollectionWork(place, found)
  const root = path.resolve(place.opening.root ?? '.')
  return {
    name: place.name,
    root,
    base: root,
    warnings: [],
    capabilities: { approximate: true, filters: 'before', writers: 'many', transactions: false },
    get space() {
      return work.held.space
    },
    get dim() {
      return work.held.dim
    },
    get members() {
      return work.held.members
    },
    ...createLooks(work),
    ...createChanges(work),
    ...createUpkeep(work, revision),
  }
}

type Looks = Pick<Gallery, 'count' | 'get' | 'findSources' | 'page' | 'search' | 'vectors' | 'codes'>

/** What changes nothing, but for codes. */
function createLooks(work: CollectionWork): Looks {
  const { place, run, read } = work
  const { call, exactBelow } = place
  return {
    count: (selection = {}) =>
      read(async (now) => {
        const filter = await conditionOf(place, now, selection)
        const wanted = { collection_name: now.collection, exact: true, filter: filter ?? null }
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
    page: (options = {}) => read((now) => readPage(place, now, options)),
    search: (queries, k, options = {}) =>
      read(async (now) => {
        options.signal?.throwIfAborted()
        const exact = now.points + work.added < exactBelow
        return searchPoints(place, now, exact, checkQueries(now, queries, k), k, options)
      }),
    vectors: (ids, member) => read((now) => readVectors(place, now, ids, member)),
    codes: (reranker, key) =>
      qdrantCodes({
        ...place,
        reranker,
        key,
        run,
        change: (put) =>
          run(async () => {
            work.checkWriter()
            const result = await put()
            await noteChange(place, work.held.collection)
            return result
          }),
      }),
  }
}

/** @throws `gallery/page` for what is no page of this gallery */
async function readPage(
  place: Place,
  held: Held,
  { after, limit = LOOKED_UP, withVectors = false, withMembers = false, signal, ...selection }: GalleryPageOptions,
): Promise<GalleryPage> {
  signal?.throwIfAborted()
  const { call, name } = place
  const [, offset] = (after === undefined ? undefined : PAGE.exec(after)) ?? []
  if (after !== undefined && offset === undefined) throw noSuchPage(name, after)
  const filter = await conditionOf(place, held, selection)
  const vectors = vectorNames(held, withVectors, withMembers)
  const { points, next_page_offset: next } = await call(
    'scrollPoints',
    {
      collection_name: held.collection,
      limit,
      with_payload: [...ENTRY],
      with_vector: vectors.length === 0 ? false : vectors,
      filter: filter ?? null,
      offset: offset ?? null,
    },
    signal,
  )
  return {
    entries: points.map(entryOf),
    embeddings: withVectors ? matrixOf(name, points, OWN, held) : undefined,
    members: withMembers ? membersOf(name, held, points) : undefined,
    next: next === null || next === undefined ? undefined : `after:${next}`,
  }
}

/** @throws `gallery/unknown-id`, `gallery/member` */
async function readVectors(place: Place, held: Held, ids: readonly string[], member: string | undefined) {
  checkIds(ids)
  const { name } = place
  const wanted = findVectors(name, held, member)
  const vector = wanted.at === 0 ? OWN : memberName(wanted.at - 1)
  const points = await findPoints(place, held.collection, ids, [], [vector])
  const rows = ids.map((id) => {
    const point = points.get(id)
    if (!point) throw unknownImage(name, id)
    return point
  })
  return matrixOf(name, rows, vector, wanted)
}

type Changes = Pick<Gallery, 'add' | 'update' | 'remove' | 'rewrite'>

/** What changes images and vectors. */
function createChanges(work: CollectionWork): Changes {
  const { place, run, change } = work
  const { call, name } = place
  return {
    add: (items, vectors, { signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        checkStorable(items)
        checkVectors(work.held, vectors, items.length)
        if (items.length === 0) return
        const given = copyAdditions(items, vectors)
        await change(async (now) => {
          await work.ensureKeys(now, given.items)
          await addPoints(place, now, given.items, given.vectors)
          work.added += items.length
        })
      }),
    update: (changes) =>
      run(async () => {
        checkChanges(changes)
        checkStorable(changes)
        if (changes.length === 0) return
        const given = structuredClone(changes)
        await change(async (now) => {
          await work.ensureKeys(now, given)
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
    rewrite: (wanted, { signal } = {}) =>
      run(async () => {
        work.checkWriter()
        await rewriteCollection(place, await work.reload(), wanted, signal)
        const now = await findHeld(place)
        if (!now) throw noSuchGallery(name)
        work.held = now
        await noteChange(place, now.collection)
      }),
  }
}

type Upkeep = Pick<Gallery, 'prepare' | 'refresh' | 'compact' | 'verify' | 'close'>

/** @param revision that the reader has seen */
function createUpkeep(work: CollectionWork, revision: string): Upkeep {
  const { place, run, read } = work
  const { name, opening } = place
  let seen = revision
  return {
    prepare: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        if (opening.mode !== 'read') await indexed(place, await work.reload(), signal)
      }),
    refresh: () =>
      run(async () => {
        await work.reload()
        const now = await readRevision(place)
        const news = now !== seen
        seen = now
        return news
      }),
    // Qdrant does that by itself.
    compact: ({ signal } = {}) =>
      run(async () => {
        signal?.throwIfAborted()
        work.checkWriter()
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
      work.close()
    },
  }
}

const vectorNames = ({ members }: Held, own: boolean, others: boolean): string[] => [
  ...(own ? [OWN] : []),
  ...(others ? members.map((_, i) => memberName(i)) : []),
]

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

/** @throws `gallery/unknown-id` */
async function updatePoints(place: Place, held: Held, changes: readonly GalleryChange[]): Promise<void> {
  const merged = mergeChanges(changes)
  const there = await findPoints(
    place,
    held.collection,
    merged.map(({ id }) => id),
    [],
  )
  const missing = changes.find(({ id }) => !there.has(id))
  if (missing) throw unknownImage(place.name, missing.id)
  for (const part of partsOf(merged))
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
    await sleep(wait, undefined, { signal })
  }
}

const strangePoint = (name: string, point: unknown) =>
  new LookalikeError(
    'gallery/damaged',
    {
      problem: `The gallery ${name} has a point whose id is not that of its image: ${String(point)}`,
      fix: 'Delete it, or restore the gallery from a snapshot.',
    },
    { fields: { gallery: name, point } },
  )
