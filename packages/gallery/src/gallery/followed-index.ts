import { createEmbeddings, type OperationOptions, type VectorIndex, type VectorIndexEngine } from '@lookalike/core'
import { BLOCK_ROWS } from '../exact/row-blocks.js'
import type { EntryTable } from '../store/entry-table.js'
import type { Store } from '../store/store.js'
import { createIndexRows, type IndexRows } from './index-rows.js'

/** What an index follows. */
export interface Followed {
  readonly store: Store
  readonly engine: VectorIndexEngine
  readonly entries: EntryTable
}

/** An engine's index, and how far it has followed. */
export interface FollowedIndex {
  readonly index: VectorIndex
  readonly rows: IndexRows
  /** Positions that were removed from it. */
  readonly removed: Set<number>
  /** How many of the table's vacated positions were looked at. */
  vacated: number
  changed: boolean
}

export async function emptyIndex({ store, engine, entries }: Followed): Promise<FollowedIndex> {
  const { dim, space } = store.manifest
  return {
    index: await engine.open({ dim, space }),
    rows: createIndexRows(),
    removed: new Set(),
    vacated: entries.vacated.length,
    changed: false,
  }
}

/** Gives an index the rows that came, and takes those away that went. */
export async function catchUp(to: FollowedIndex, followed: Followed, options: OperationOptions): Promise<void> {
  await addRows(to, followed, options)
  await removeRows(to, followed.entries)
}

async function addRows(
  to: FollowedIndex,
  { store, entries }: Followed,
  { signal, onProgress }: OperationOptions,
): Promise<void> {
  const { dim, space } = store.manifest
  const total = store.rows
  while (to.rows.seen < total) {
    signal?.throwIfAborted()
    const start = to.rows.seen
    const count = Math.min(BLOCK_ROWS, total - start)
    const live: number[] = []
    for (let position = start; position < start + count; position++) if (entries.at(position)) live.push(position)
    // Rows of images that go meanwhile are removed afterwards.
    const wanted = new Set(live)
    const data = await store.read(0, start, count, (position) => wanted.has(position))
    for (const [row, position] of live.entries())
      if (row !== position - start) data.copyWithin(row * dim, (position - start) * dim, (position - start + 1) * dim)
    const rows = live.length
    if (rows > 0)
      await to.index.add(createEmbeddings({ data: data.subarray(0, rows * dim), rows, dim, space, role: 'gallery' }), {
        signal,
      })
    to.rows.extend(live, start + count)
    to.changed = true
    onProgress?.({ phase: 'index', done: to.rows.seen, total, unit: 'image' })
  }
}

async function removeRows(from: FollowedIndex, entries: EntryTable): Promise<void> {
  const gone: number[] = []
  const rows: number[] = []
  const upTo = entries.vacated.length
  for (const position of entries.vacated.slice(from.vacated, upTo)) {
    const row = from.rows.rowOf(position)
    if (row === undefined || from.removed.has(position)) continue
    gone.push(position)
    rows.push(row)
  }
  if (rows.length > 0) {
    await from.index.remove(rows)
    for (const position of gone) from.removed.add(position)
    from.changed = true
  }
  from.vacated = upTo
}
