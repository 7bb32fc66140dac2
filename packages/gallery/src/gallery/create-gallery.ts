import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { GalleryChange, OperationOptions, Rewrite, Warning } from '@lookalike/core'
import {
  checkChanges,
  checkIds,
  checkItems,
  checkVectors,
  readOnlyGallery,
  unknownImage,
} from '@lookalike/core/gallery'
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

/** A gallery at work: what it holds now, and who may do what when. */
interface Work {
  readonly opened: OpenedGallery
  readonly turns: ReturnType<typeof createTurns>
  /** What is there now. */
  contents: GalleryContents
  /** What new vectors are as long as, or not. */
  reference: Float32Array | undefined
}

/** The gallery as its users see it. */
export function createGallery(opened: OpenedGallery): FolderGallery {
  const { folder, how, warnings } = opened
  const base = path.resolve(folder)
  const work: Work = { opened, turns: createTurns(folder), contents: opened.contents, reference: undefined }
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
      return path.resolve(folder, work.contents.entries.root)
    },
    get space() {
      return work.contents.store.manifest.space
    },
    get dim() {
      return work.contents.store.manifest.dim
    },
    get members() {
      return work.contents.store.manifest.members
    },
    warnings,
    ...createLooks(work),
    ...createChanges(work),
  }
}

type Looks = Pick<
  FolderGallery,
  'count' | 'get' | 'findSources' | 'page' | 'search' | 'vectors' | 'codes' | 'prepare' | 'verify'
>

/** What changes nothing; many at a time. */
function createLooks(work: Work): Looks {
  const { folder } = work.opened
  const look = <T>(at: (contents: GalleryContents) => Promise<T>): Promise<T> =>
    work.turns.look(() => at(work.contents))
  return {
    count: (selection = {}) => look(async ({ filters, entries }) => filters.of(selection)?.count ?? entries.size),
    get: (ids) =>
      look(async ({ entries }) => {
        checkIds(ids)
        return ids.map((id) => entries.get(id))
      }),
    findSources: (sources) =>
      look(async ({ entries }) => [...new Set(sources)].flatMap((source) => entries.withSource(source))),
    page: (options = {}) => look((contents) => pageOf(folder, contents, options)),
    search: (queries, k, search) => look((contents) => contents.search.search(queries, k, search)),
    vectors: (ids, member) =>
      look(async (contents) => {
        checkIds(ids)
        const positions = ids.map((id) => {
          const position = contents.entries.positionOf(id)
          if (position === undefined) throw unknownImage(folder, id)
          return position
        })
        return contents.vectors(positions, member)
      }),
    codes: (reranker, key) => createFolderCodes(path.join(folder, reranker, key)),
    prepare: (operation) => look((contents) => contents.index.prepare(operation)),
    verify: (operation = {}) => look((contents) => contents.verify(operation)),
  }
}

type Changes = Pick<
  FolderGallery,
  'add' | 'update' | 'remove' | 'rewrite' | 'compact' | 'moveRoot' | 'refresh' | 'close'
>

/** What changes the gallery, one at a time. */
function createChanges(work: Work): Changes {
  const { folder, how, lock } = work.opened
  const change = <T>(to: () => Promise<T>) =>
    work.turns.change(async () => {
      if (!lock) throw readOnlyGallery(folder)
      return to()
    })
  return {
    add: (items, given, { signal, onWarning } = {}) =>
      change(async () => {
        signal?.throwIfAborted()
        checkItems(items)
        const { store } = work.contents
        const matrices = checkVectors(store.manifest, given, items.length)
        const warning = checkLengths(matrices[0]!, await firstVector(work))
        await commit(
          work,
          toAdditions(items, matrices, store.rows),
          matrices.map(({ data }) => data),
        )
        if (warning) (onWarning ?? how.onWarning)(warning)
      }),
    update: (changes) =>
      change(async () => {
        checkChanges(changes)
        for (const { id } of changes) if (!work.contents.entries.get(id)) throw unknownImage(folder, id)
        await commit(work, changes.map(toUpdate))
      }),
    remove: (ids) =>
      change(async () => {
        checkIds(ids)
        const there = [...new Set(ids)].filter((id) => work.contents.entries.get(id))
        await commit(
          work,
          there.map((id) => ({ op: 'remove', id })),
        )
        return there.length
      }),
    rewrite: ({ transform, ...wanted }, operation) => change(() => rewrite(work, wanted, transform, operation)),
    compact: (operation) =>
      change(async () => {
        await rewrite(work, work.contents.store.manifest, undefined, operation)
        await rm(path.join(folder, ASIDE), { recursive: true, force: true }).catch(() => undefined)
      }),
    moveRoot: (root) => change(() => commit(work, [{ op: 'root', root: relativeRoot(folder, root) }])),
    refresh: () => work.turns.change(async () => (lock ? false : io(folder, () => refresh(work)))),
    close: () =>
      work.turns.close(async () => {
        try {
          if (lock) await work.contents.index.save()
        } finally {
          await work.contents.dispose()
          lock?.release()
        }
      }),
  }
}

async function commit(
  { contents }: Work,
  records: readonly LogRecord[],
  vectors?: readonly Float32Array[],
): Promise<void> {
  await contents.store.write(records, vectors)
  if (records.length > 0) contents.entries.apply(records)
}

/** Looks that are under way end on what they began with. */
async function switchTo(work: Work, next: GalleryContents): Promise<void> {
  const before = work.contents
  work.contents = next
  work.reference = undefined
  await work.turns.looksDone()
  await before.dispose()
}

async function rewrite(
  work: Work,
  wanted: Pick<Manifest, 'space' | 'dim'>,
  transform: Rewrite['transform'] | undefined,
  { signal, onProgress }: OperationOptions = {},
): Promise<void> {
  const { folder, how } = work.opened
  const operation = { ...how, signal, onProgress }
  const { counts, failure } = await rewriteContents(folder, work.contents, wanted, transform, operation)
  await switchTo(work, counts)
  if (failure) throw failure
  await removeLeftovers(folder, counts.store.manifest, how.onWarning)
}

/** A damaged vector is no measure. */
async function firstVector(work: Work): Promise<Float32Array | undefined> {
  const { entries, vectors } = work.contents
  const entry = entries.first()
  if (!work.reference && entry) {
    const position = entries.positionOf(entry.id)!
    work.reference = (await vectors([position]).catch(() => undefined))?.data
  }
  return work.reference
}

async function refresh(work: Work): Promise<boolean> {
  const { entries, store } = work.contents
  const { version } = entries
  const found = await findGallery(work.opened.folder)
  if (found?.manifest.generation === store.manifest.generation && (await store.follow()))
    return entries.version !== version
  await switchTo(work, await work.opened.reopen())
  return true
}

/** With forward slashes. */
export function relativeRoot(folder: string, root: string): string {
  return path.relative(folder, root).split(path.sep).join('/') || '.'
}

function toUpdate({ id, metadata, uncertainty, rejected, source }: GalleryChange): LogRecord {
  return {
    op: 'update',
    id,
    metadata,
    uncertainty,
    rejected,
    source,
  }
}
