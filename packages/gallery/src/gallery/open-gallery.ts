import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import {
  assertComparable,
  createEmbeddings,
  createRanking,
  type Embeddings,
  LookalikeError,
  type OperationOptions,
  type Ranking,
  type Warning,
} from '@lookalike/core'
import { exactEngine } from '../exact/exact-index.js'
import { exactTopK } from '../exact/exact-top-k.js'
import { checkK } from '../exact/row-blocks.js'
import { checkChange, checkItems, checkVectors } from './check-items.js'
import { createEntryTable, type EntryTable } from './entry-table.js'
import type { Gallery, GalleryEntry, GallerySearchOptions, OpenGalleryOptions, Rewrite } from './gallery.js'
import { createGalleryIndex, type GalleryIndex, indexNoteName, savedIndexFiles } from './gallery-index.js'
import type { LogRecord } from './item-log.js'
import { lockFolder } from './lock-folder.js'
import { MANIFEST, type Manifest, readManifest, writeManifest } from './manifest.js'
import { matchesFilter } from './matches-filter.js'
import { createStoreFiles, openStore, rowChecks, type Store, storeFiles } from './store.js'

/** A search in fewer allowed images than this reads their vectors and is exact, whatever the engine. */
const FEW = 4096
/** Images rewritten at a time. */
const REWRITE_ROWS = 4096

/**
 * Opens a gallery: a folder that can be copied, only grows, and keeps whatever it has acknowledged through any crash.
 *
 * @throws `gallery/space` when it holds vectors of another space, `gallery/not-found` when there is nothing to read,
 * `gallery/locked` when another process writes to it, `gallery/damaged` naming the file, `gallery/io` when the folder
 * cannot be used.
 *
 * @example
 * const gallery = await openGallery('gallery', { space: encoder.space, dim: encoder.dim })
 * if (!gallery.has(id, hash)) await gallery.add([{ id, hash }], { embeddings })
 * const [hits] = await gallery.search(queries, 10, { filter: { colour: ['red', 'blue'] } })
 * await gallery.close()
 */
export async function openGallery(folder: string, options: OpenGalleryOptions): Promise<Gallery> {
  const { space, dim, engine = exactEngine(), mode = 'write' } = options
  const warnings: Warning[] = []
  const warn = (warning: Warning) => {
    warnings.push(warning)
    options.onWarning?.(warning)
  }
  if (mode === 'write') await io(folder, () => mkdir(folder, { recursive: true }))
  const lock = mode === 'write' ? await io(folder, () => lockFolder(folder)) : undefined
  for (const warning of lock?.warnings ?? []) warn(warning)

  let entries: EntryTable
  let store: Store
  let index: GalleryIndex
  let closed = false
  let queue: Promise<unknown> = Promise.resolve()
  const reading = new Set<Promise<unknown>>()

  const load = async (manifest: Manifest) => {
    const table = createEntryTable()
    const opened = await openStore(folder, manifest, {
      mode,
      beforeWrite: () => lock?.check(),
      onRecord: (record) => table.apply(record),
      onWarning: warn,
    })
    return { table, opened }
  }
  const use = ({ table, opened }: { table: EntryTable; opened: Store }) => {
    entries = table
    store = opened
    index = createGalleryIndex(
      folder,
      opened,
      engine,
      { isLive: (position) => table.at(position) !== undefined, live: () => table.size },
      warn,
    )
  }

  try {
    await io(folder, async () => {
      let manifest = readManifest(folder)
      if (!manifest) {
        if (mode === 'read') throw notFound(folder)
        manifest = {
          format: 'lookalike-gallery',
          version: 1,
          generation: 1,
          space,
          dim,
          root: relativeRoot(folder, options.root ?? path.dirname(path.resolve(folder))),
          members: [...(options.members ?? [])],
        }
        await createStoreFiles(folder, manifest)
        await writeManifest(folder, manifest)
      }
      checkManifest(folder, manifest, options)
      if (mode === 'write') await removeLeftovers(folder, manifest)
      use(await loadAgain(folder, manifest, mode, load))
    })
  } catch (error) {
    lock?.release()
    throw error
  }

  /** One change after the other. */
  const change = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(() => {
      assertOpen()
      if (mode === 'read') throw readOnly(folder)
      return work()
    })
    queue = done.catch(() => undefined)
    return done
  }
  /** Reads run beside each other and beside changes; only the switch after a rewrite waits for them. */
  const look = async <T>(work: () => Promise<T>): Promise<T> => {
    assertOpen()
    const done = work()
    reading.add(done)
    try {
      return await done
    } finally {
      reading.delete(done)
    }
  }
  const assertOpen = () => {
    if (closed)
      throw new LookalikeError(
        'gallery/closed',
        { problem: `The gallery ${folder} was closed`, fix: 'Open it again.' },
        { fields: { path: folder } },
      )
  }
  const commit = async (records: readonly LogRecord[], vectors?: readonly Float32Array[]) => {
    if (records.length === 0) return
    await store.write(records, vectors)
    for (const record of records) entries.apply(record)
  }

  const isFound = ({ filter, includeRejected = false, allow }: GallerySearchOptions) => {
    if (!filter && !allow && (includeRejected || entries.rejected === 0)) return undefined
    return (entry: GalleryEntry) =>
      (includeRejected || !entry.rejected) &&
      (!filter || matchesFilter(entry.metadata, filter)) &&
      (allow?.(entry) ?? true)
  }

  async function rank(queries: Embeddings, k: number, search: GallerySearchOptions = {}): Promise<Ranking[]> {
    checkK(k)
    assertComparable(queries, { space: store.manifest.space, dim: store.manifest.dim, role: 'query' })
    const rest = {
      ...(search.signal && { signal: search.signal }),
      ...(search.onProgress && { onProgress: search.onProgress }),
    }
    const found = isFound(search)
    if (!found) return (await index.current(rest)).search(queries, k, rest)
    const allowed: number[] = []
    for (const entry of entries.list()) if (found(entry)) allowed.push(entry.position)
    if (allowed.length === 0)
      return Array.from({ length: queries.rows }, () => createRanking(new Int32Array(), new Float32Array()))
    if (allowed.length < FEW && allowed.length < entries.size / 2) {
      const rankings = await exactTopK(queries, await vectors(allowed), k, rest)
      return rankings.map(({ positions, distances }) =>
        createRanking(
          positions.map((i) => allowed[i]!),
          distances,
        ),
      )
    }
    const mask = new Set(allowed)
    return (await index.current(rest)).search(queries, k, { ...rest, allow: (position) => mask.has(position) })
  }

  async function vectors(positions: readonly number[], member?: string): Promise<Embeddings<'gallery'>> {
    const { manifest } = store
    const file = member === undefined ? 0 : 1 + manifest.members.findIndex(({ name }) => name === member)
    const kept = member === undefined ? manifest : manifest.members[file - 1]
    if (!kept)
      throw new LookalikeError('gallery/member', {
        problem: `The gallery ${folder} keeps no member "${member}"`,
        expected: manifest.members.map(({ name }) => name).join(', ') || 'no member',
      })
    const data = new Float32Array(positions.length * kept.dim)
    for (let start = 0; start < positions.length; ) {
      // Neighbours come in one read.
      let end = start + 1
      while (end < positions.length && positions[end] === positions[end - 1]! + 1) end++
      for (const position of positions.slice(start, end)) if (!entries.at(position)) throw noImage(folder, position)
      data.set(await store.read(file, positions[start]!, end - start, () => true), start * kept.dim)
      start = end
    }
    return createEmbeddings({ data, rows: positions.length, dim: kept.dim, space: kept.space, role: 'gallery' })
  }

  async function rewrite(
    wanted: Pick<Manifest, 'space' | 'dim'>,
    transform: Rewrite['transform'] | undefined,
    { signal, onProgress }: OperationOptions,
  ): Promise<void> {
    const { space: _, dim: __, ...kept } = store.manifest
    const next: Manifest = { ...kept, space: wanted.space, dim: wanted.dim, generation: kept.generation + 1 }
    lock?.check()
    await createStoreFiles(folder, next)
    let fresh: Awaited<ReturnType<typeof load>> | undefined
    try {
      fresh = await load(next)
      const all = entries.list()
      for (let start = 0; start < all.length; start += REWRITE_ROWS) {
        signal?.throwIfAborted()
        const block = all.slice(start, start + REWRITE_ROWS)
        const positions = block.map(({ position }) => position)
        const members: Record<string, Embeddings> = {}
        for (const { name } of next.members) members[name] = await vectors(positions, name)
        const embeddings = await vectors(positions)
        const changed = transform ? await transform({ embeddings, members, entries: block }) : { embeddings }
        const matrices = checkVectors(next, { embeddings: changed.embeddings, members }, block.length)
        const records = toAdditions(block, matrices, start, changed.uncertainty)
        await fresh.opened.write(
          records,
          matrices.map(({ data }) => data),
        )
        for (const record of records) fresh.table.apply(record)
        onProgress?.({ phase: 'rewrite', done: start + block.length, total: all.length, unit: 'image' })
      }
      await writeManifest(folder, next)
    } catch (error) {
      await fresh?.opened.close()
      // Whatever the disk now says is what counts, also when the switch itself failed half-way.
      const counts = readManifest(folder)
      if (counts) await removeLeftovers(folder, counts).catch(() => undefined)
      if (counts?.generation === next.generation) use(await load(next))
      throw error
    }
    while (reading.size > 0) await Promise.allSettled(reading)
    const before = { index, store }
    use(fresh)
    await before.index.dispose()
    await before.store.close()
    await removeLeftovers(folder, next)
  }

  return {
    folder,
    get root() {
      return path.resolve(folder, store.manifest.root)
    },
    get space() {
      return store.manifest.space
    },
    get dim() {
      return store.manifest.dim
    },
    get members() {
      return store.manifest.members
    },
    get size() {
      return entries.size
    },
    warnings,
    has: (id, hash) => entries.get(id)?.hash === hash,
    get: (id) => entries.get(id),
    at: (position) => entries.at(position),
    entries: () => entries.list(),
    add(items, given, { signal } = {}) {
      return change(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        const matrices = checkVectors(store.manifest, given, items.length)
        await commit(
          toAdditions(items, matrices, store.rows),
          matrices.map(({ data }) => data),
        )
      })
    },
    update(changes) {
      return change(async () => {
        for (const each of changes) {
          checkChange(each)
          if (!entries.get(each.id)) {
            throw new LookalikeError(
              'gallery/unknown-id',
              {
                problem: `The gallery ${folder} has no image ${JSON.stringify(each.id)}`,
                expected: 'the id of an image that is there',
              },
              { fields: { id: each.id } },
            )
          }
        }
        await commit(
          changes.map(({ id, metadata, uncertainty, rejected, source }) => ({
            op: 'update',
            id,
            ...(metadata && { metadata }),
            ...(uncertainty !== undefined && { uncertainty }),
            ...(rejected !== undefined && { rejected }),
            ...(source !== undefined && { source }),
          })),
        )
      })
    },
    remove(ids) {
      return change(async () => {
        const there = [...new Set(ids)].filter((id) => entries.get(id))
        await commit(there.map((id) => ({ op: 'remove', id })))
        return there.length
      })
    },
    rank: (queries, k, search) => look(() => rank(queries, k, search)),
    search: (queries, k, search) =>
      look(async () => {
        const rankings = await rank(queries, k, search)
        return rankings.map(({ positions, distances }) =>
          Array.from(positions, (position, i) => ({ entry: entries.at(position), distance: distances[i]! })).filter(
            (hit): hit is { entry: GalleryEntry; distance: number } => hit.entry !== undefined,
          ),
        )
      }),
    view: (search) =>
      look(async () => {
        const { manifest, rows } = store
        const data = await store.read(0, 0, rows, (row) => entries.at(row) !== undefined)
        return {
          folder,
          embeddings: createEmbeddings({ data, rows, dim: manifest.dim, space: manifest.space, role: 'gallery' }),
          nearest: (queries: Embeddings, k: number) => look(() => rank(queries, k, search)),
        }
      }),
    vectors: (positions, member) => look(() => vectors(positions, member)),
    prepare: (operation) => look(async () => void (await index.current(operation))),
    rewrite: ({ transform, ...wanted }, operation = {}) => change(() => rewrite(wanted, transform, operation)),
    compact: (operation = {}) => change(() => rewrite(store.manifest, undefined, operation)),
    moveRoot: (root) =>
      change(async () => {
        const moved = { ...store.manifest, root: relativeRoot(folder, root) }
        await writeManifest(folder, moved)
        store.manifest = moved
      }),
    verify: ({ signal, onProgress } = {}) =>
      look(async () => {
        const { rows, manifest } = store
        for (let start = 0; start < rows; start += REWRITE_ROWS) {
          signal?.throwIfAborted()
          const count = Math.min(REWRITE_ROWS, rows - start)
          for (let file = 0; file <= manifest.members.length; file++)
            await store.read(file, start, count, (row) => entries.at(row) !== undefined)
          onProgress?.({ phase: 'verify', done: start + count, total: rows, unit: 'image' })
        }
      }),
    async close() {
      if (closed) return
      await queue
      await Promise.allSettled(reading)
      closed = true
      try {
        if (lock) await index.save()
      } finally {
        await index.dispose()
        await store.close()
        lock?.release()
      }
    },
  }
}

function toAdditions(
  items: readonly (Omit<GalleryEntry, 'position' | 'rejected'> & { rejected?: boolean })[],
  matrices: readonly Embeddings[],
  firstRow: number,
  uncertainty?: ArrayLike<number>,
): Extract<LogRecord, { op: 'add' }>[] {
  const checks = matrices.map(({ data, rows, dim }) => rowChecks(data, rows, dim))
  return items.map((item, i) => {
    const unsure = uncertainty?.[i] ?? item.uncertainty
    return {
      op: 'add',
      row: firstRow + i,
      id: item.id,
      hash: item.hash,
      checks: checks.map((rows) => rows[i]!),
      ...(item.metadata && { metadata: item.metadata }),
      ...(unsure !== undefined && { uncertainty: unsure }),
      ...(item.rejected && { rejected: true }),
      ...(item.source !== undefined && { source: item.source }),
      ...(item.box && { box: item.box }),
    }
  })
}

/** A reader may find that a rewrite has just replaced the files. */
async function loadAgain<T>(
  folder: string,
  first: Manifest,
  mode: 'read' | 'write',
  load: (manifest: Manifest) => Promise<T>,
): Promise<T> {
  for (let manifest = first; ; ) {
    try {
      return await load(manifest)
    } catch (error) {
      const now = readManifest(folder)
      if (mode === 'write' || !now || now.generation === manifest.generation) throw error
      manifest = now
    }
  }
}

/** Files of other generations, and of writes that were cut off; all other files are left alone. */
async function removeLeftovers(folder: string, manifest: Manifest): Promise<void> {
  const { log, vectors } = storeFiles(manifest)
  const index = indexNoteName(manifest.generation)
  const kept = new Set([log, ...vectors, index, ...savedIndexFiles(folder, manifest.generation)])
  const ours = /^(items-\d+\.jsonl|(vectors|member-[a-z0-9-]+)-\d+\.f32|index-\d+[.-].*|gallery\.json\.new)$/
  for (const name of readdirSync(folder)) {
    if (!ours.test(name) || kept.has(name)) continue
    // Windows keeps files that a reader has open; the next writer tries again.
    await rm(path.join(folder, name), { force: true }).catch(() => undefined)
  }
}

function checkManifest(folder: string, manifest: Manifest, { space, dim, members }: OpenGalleryOptions): void {
  const problem =
    manifest.space !== space
      ? `holds vectors of the space ${manifest.space} and was opened for ${space}`
      : manifest.dim !== dim
        ? `holds vectors of ${manifest.dim} dimensions and was opened for ${dim}`
        : members &&
            JSON.stringify(members.map(describeMember)) !== JSON.stringify(manifest.members.map(describeMember))
          ? `keeps the members ${manifest.members.map(describeMember).join(', ') || 'none'} and was opened for ${members.map(describeMember).join(', ') || 'none'}`
          : undefined
  if (problem === undefined) return
  throw new LookalikeError(
    'gallery/space',
    {
      problem: `The gallery ${folder} ${problem}`,
      expected: 'the model that it was made with',
      fix: 'Use that model, index the images into another folder, or map the stored vectors to the new space.',
    },
    { fields: { path: folder, held: { space: manifest.space, dim: manifest.dim }, wanted: { space, dim } } },
  )
}

function relativeRoot(folder: string, root: string): string {
  return path.relative(folder, root).split(path.sep).join('/') || '.'
}

const describeMember = ({ name, space, dim }: { name: string; space: string; dim: number }) =>
  `${name} (${dim} of ${space})`

const notFound = (folder: string) =>
  new LookalikeError(
    'gallery/not-found',
    {
      problem: existsSync(folder)
        ? `The folder ${folder} holds no gallery: it has no ${MANIFEST}`
        : `There is no folder ${folder}`,
      expected: 'a gallery',
      fix: 'Index some images first, or check the path.',
    },
    { fields: { path: folder } },
  )

const readOnly = (folder: string) =>
  new LookalikeError(
    'gallery/read-only',
    { problem: `The gallery ${folder} was opened for reading`, fix: "Open it with mode: 'write'." },
    { fields: { path: folder } },
  )

const noImage = (folder: string, position: number) =>
  new LookalikeError(
    'gallery/position',
    {
      problem: `The gallery ${folder} has no image at position ${position}`,
      expected: 'the position of an image that is there',
    },
    { fields: { path: folder, position } },
  )

/** Gives failures of the file system a name. */
async function io<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (typeof (cause as NodeJS.ErrnoException).syscall !== 'string') throw cause
    throw new LookalikeError(
      'gallery/io',
      {
        problem: `The gallery ${folder} cannot be opened: ${(cause as Error).message}`,
        fix: 'Check that the folder is there and may be read and written.',
      },
      { fields: { path: folder }, cause },
    )
  }
}
