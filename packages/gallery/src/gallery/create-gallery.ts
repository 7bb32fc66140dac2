import { rm } from 'node:fs/promises'
import path from 'node:path'
import { createEmbeddings, type Embeddings, LookalikeError, type Warning } from '@lookalike/core'
import type { LogRecord } from '../store/change-log.js'
import { io } from '../store/file-errors.js'
import { findGallery, removeLeftovers } from '../store/generations.js'
import type { FolderLock } from '../store/lock-folder.js'
import type { Manifest } from '../store/manifest.js'
import { ASIDE } from '../store/set-aside.js'
import { toAdditions } from './additions.js'
import { checkChange, checkIds, checkItems, checkList, checkVectors } from './check-items.js'
import { checkLengths } from './check-lengths.js'
import type { Gallery, GalleryChange, GalleryEntry, GallerySearchOptions, Rewrite } from './gallery.js'
import type { ContentsOptions, GalleryContents } from './gallery-contents.js'
import { rewriteContents } from './rewrite-contents.js'
import { createTurns } from './turns.js'

export interface OpenedGallery {
  readonly folder: string
  readonly contents: GalleryContents
  /** Undefined for readers. */
  readonly lock: FolderLock | undefined
  readonly how: ContentsOptions
  readonly warnings: readonly Warning[]
  /** Reads again what is there now. */
  reopen(): Promise<GalleryContents>
}

/** The gallery as its users see it: who may do what when. */
export function createGallery({ folder, contents: first, lock, how, warnings, reopen }: OpenedGallery): Gallery {
  let contents = first
  let reference: Float32Array | undefined
  const turns = createTurns(folder)

  const change = <T>(work: () => Promise<T>) =>
    turns.change(async () => {
      if (!lock) throw readOnly(folder)
      return work()
    })

  const commit = async (records: readonly LogRecord[], vectors?: readonly Float32Array[]) => {
    if (records.length === 0) return
    await contents.store.write(records, vectors)
    contents.entries.apply(records)
  }

  /** Looks that are under way end on what they began with. */
  const switchTo = async (next: GalleryContents) => {
    const before = contents
    contents = next
    reference = undefined
    await turns.looksDone()
    await before.dispose()
  }

  async function rewrite(
    wanted: Pick<Manifest, 'space' | 'dim'>,
    transform: Rewrite['transform'] | undefined,
    options: Parameters<Gallery['compact']>[0] = {},
  ): Promise<void> {
    const operation = {
      signal: options.signal,
      onProgress: options.onProgress,
    }
    const { counts, failure } = await rewriteContents(folder, contents, wanted, transform, { ...how, ...operation })
    await switchTo(counts)
    if (failure) throw failure
    await removeLeftovers(folder, contents.store.manifest, how.onWarning)
  }

  /** What new vectors are as long as, or not. A damaged one is no measure. */
  async function firstVector(): Promise<Float32Array | undefined> {
    const entry = contents.entries.first()
    reference ??= entry && (await contents.vectors([entry.position]).catch(() => undefined))?.data
    return reference
  }

  async function refresh(): Promise<boolean> {
    const { entries, store } = contents
    const { version } = entries
    const found = await findGallery(folder)
    if (found?.manifest.generation === store.manifest.generation && (await store.follow()))
      return entries.version !== version
    await switchTo(await reopen())
    return true
  }

  async function view(search?: GallerySearchOptions) {
    const { store, entries } = contents
    const { manifest, rows } = store
    const data = await store.read(0, 0, rows, (row) => entries.at(row) !== undefined)
    return {
      folder,
      embeddings: createEmbeddings({ data, rows, dim: manifest.dim, space: manifest.space, role: 'gallery' }),
      nearest: (queries: Embeddings, k: number) => turns.look(() => contents.search.rank(queries, k, search)),
    }
  }

  return {
    folder,
    get root() {
      return path.resolve(folder, contents.entries.root)
    },
    get space() {
      return contents.store.manifest.space
    },
    get dim() {
      return contents.store.manifest.dim
    },
    get members() {
      return contents.store.manifest.members
    },
    get size() {
      return contents.entries.size
    },
    warnings,
    has: (id, hash) => contents.entries.get(id)?.hash === hash,
    get: (id) => contents.entries.get(id),
    at: (position) => contents.entries.at(position),
    entries: () => contents.entries.list(),
    add: (items, given, { signal, onWarning } = {}) =>
      change(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        const matrices = checkVectors(contents.store.manifest, given, items.length)
        const warning = checkLengths(matrices[0]!, await firstVector())
        await commit(
          toAdditions(items, matrices, contents.store.rows),
          matrices.map(({ data }) => data),
        )
        if (warning) (onWarning ?? how.onWarning)(warning)
      }),
    update: (changes) =>
      change(async () => {
        checkList(changes, 'changes')
        for (const each of changes) {
          checkChange(each)
          if (!contents.entries.get(each.id)) throw unknownId(folder, each.id)
        }
        await commit(changes.map(toUpdate))
      }),
    remove: (ids) =>
      change(async () => {
        checkIds(ids)
        const there = [...new Set(ids)].filter((id) => contents.entries.get(id))
        await commit(there.map((id) => ({ op: 'remove', id })))
        return there.length
      }),
    rank: (queries, k, search) => turns.look(() => contents.search.rank(queries, k, search)),
    search: (queries, k, search) => turns.look(() => contents.search.search(queries, k, search)),
    view: (search) => turns.look(() => view(search)),
    vectors: (positions, member) => turns.look(() => contents.vectors(positions, member)),
    prepare: (operation) => turns.look(() => contents.index.prepare(operation)),
    rewrite: ({ transform, ...wanted }, operation) => change(() => rewrite(wanted, transform, operation)),
    compact: (operation) =>
      change(async () => {
        await rewrite(contents.store.manifest, undefined, operation)
        await rm(path.join(folder, ASIDE), { recursive: true, force: true }).catch(() => undefined)
      }),
    moveRoot: (root) => change(() => commit([{ op: 'root', root: relativeRoot(folder, root) }])),
    refresh: () => turns.change(async () => (lock ? false : io(folder, refresh))),
    verify: (operation = {}) => turns.look(() => contents.verify(operation)),
    close: () =>
      turns.close(async () => {
        try {
          if (lock) await contents.index.save()
        } finally {
          await contents.dispose()
          lock?.release()
        }
      }),
  }
}

/** With forward slashes. */
export function relativeRoot(folder: string, root: string): string {
  return path.relative(folder, root).split(path.sep).join('/') || '.'
}

function toUpdate({ id, metadata, uncertainty, rejected, source }: GalleryChange): LogRecord {
  return {
    op: 'update',
    id,
    ...(metadata && { metadata }),
    ...(uncertainty !== undefined && { uncertainty }),
    ...(rejected !== undefined && { rejected }),
    ...(source !== undefined && { source }),
  }
}

const unknownId = (folder: string, id: GalleryEntry['id']) =>
  new LookalikeError(
    'gallery/unknown-id',
    {
      problem: `The gallery ${folder} has no image ${JSON.stringify(id)}`,
      expected: 'the id of an image that is there',
    },
    { fields: { id } },
  )

const readOnly = (folder: string) =>
  new LookalikeError(
    'gallery/read-only',
    { problem: `The gallery ${folder} was opened for reading`, fix: "Open it with mode: 'write'." },
    { fields: { path: folder } },
  )
