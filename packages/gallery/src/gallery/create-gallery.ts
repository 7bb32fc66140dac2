import { rm } from 'node:fs/promises'
import path from 'node:path'
import {
  checkChanges,
  checkIds,
  checkItems,
  checkVectors,
  type GalleryChange,
  type OperationOptions,
  type Rewrite,
  readOnlyGallery,
  unknownImage,
  type Warning,
} from '@lookalike/core'
import type { LogRecord } from '../store/change-log.js'
import { io } from '../store/file-errors.js'
import { createFolderCodes } from '../store/folder-codes.js'
import { findGallery, removeLeftovers } from '../store/generations.js'
import type { FolderLock } from '../store/lock-folder.js'
import type { Manifest } from '../store/manifest.js'
import { ASIDE } from '../store/set-aside.js'
import { toAdditions } from './additions.js'
import { checkLengths } from './check-lengths.js'
import type { FolderGallery } from './folder-gallery.js'
import type { ContentsOptions, GalleryContents } from './gallery-contents.js'
import { pageOf } from './page-of.js'
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
export function createGallery({ folder, contents: first, lock, how, warnings, reopen }: OpenedGallery): FolderGallery {
  const base = path.resolve(folder)
  let contents = first
  let reference: Float32Array | undefined
  const turns = createTurns(folder)

  const change = <T>(work: () => Promise<T>) =>
    turns.change(async () => {
      if (!lock) throw readOnlyGallery(folder)
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
    options: OperationOptions = {},
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
    if (!reference && entry) {
      const position = contents.entries.positionOf(entry.id)!
      reference = (await contents.vectors([position]).catch(() => undefined))?.data
    }
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

  return {
    name: folder,
    folder: base,
    base,
    capabilities: {
      approximate: how.engine.approximate ?? false,
      filters: 'before',
      writers: 'one',
      transactions: true,
    },
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
    warnings,
    count: (selection = {}) => turns.look(async () => contents.filters.of(selection)?.count ?? contents.entries.size),
    get: (ids) =>
      turns.look(async () => {
        checkIds(ids)
        return ids.map((id) => contents.entries.get(id))
      }),
    findSources: (sources) =>
      turns.look(async () => [...new Set(sources)].flatMap((source) => contents.entries.withSource(source))),
    page: (options = {}) => turns.look(() => pageOf(folder, contents, options)),
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
        checkChanges(changes)
        for (const { id } of changes) if (!contents.entries.get(id)) throw unknownImage(folder, id)
        await commit(changes.map(toUpdate))
      }),
    remove: (ids) =>
      change(async () => {
        checkIds(ids)
        const there = [...new Set(ids)].filter((id) => contents.entries.get(id))
        await commit(there.map((id) => ({ op: 'remove', id })))
        return there.length
      }),
    search: (queries, k, search) => turns.look(() => contents.search.search(queries, k, search)),
    vectors: (ids, member) =>
      turns.look(async () => {
        checkIds(ids)
        const positions = ids.map((id) => {
          const position = contents.entries.positionOf(id)
          if (position === undefined) throw unknownImage(folder, id)
          return position
        })
        return contents.vectors(positions, member)
      }),
    codes: (reranker, key) => createFolderCodes(path.join(folder, reranker, key)),
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
