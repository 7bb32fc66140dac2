import { open, rename } from 'node:fs/promises'
import {
  assertComparable,
  definePlugin,
  type Embeddings,
  LookalikeError,
  norm,
  type OperationOptions,
  type Plugin,
  type Ranking,
  type VectorIndex,
  type VectorIndexEngine,
} from '@lookalike/core'
import { checkK } from '@lookalike/core/gallery'
import { z } from 'zod'
import { checkPositions } from '../exact/exact-index.js'
import { UNFINISHED } from '../store/write-whole.js'
import { loadUsearch } from './load-usearch.js'
import { createNodeKeys } from './node-keys.js'
import { searchAllowed } from './search-allowed.js'
import { readNote, type SnapshotNote, writeNote } from './snapshot.js'
import { createUsearchGraph, type UsearchGraph } from './usearch-graph.js'

const options = z.strictObject({
  precision: z
    .enum(['fp32', 'fp16', 'int8'])
    .default('fp16')
    .describe('How vectors are kept. int8 keeps directions only: all gallery vectors must be equally long.'),
  connectivity: z
    .int()
    .min(2)
    .max(512)
    .default(16)
    .describe('Neighbours of a node in the graph (M). More is larger and more exact.'),
  expansionAdd: z
    .int()
    .min(1)
    .default(128)
    .describe('Candidates looked at when adding (efConstruction). More is slower and more exact.'),
  expansionSearch: z
    .int()
    .min(1)
    .default(128)
    .describe('Candidates looked at when searching (ef). More is slower and more exact.'),
  mapped: z
    .boolean()
    .default(false)
    .describe('Leave a saved index on disk and map it into memory; it is loaded when something is added.'),
  threads: z
    .int()
    .min(1)
    .default(1)
    .describe(
      'Processor threads. With 1 the same vectors give the same graph; with more, adding is faster and its order is left to chance.',
    ),
})

export type UsearchOptions = z.input<typeof options>
type Settings = z.output<typeof options>

declare module '@lookalike/core' {
  interface IndexPlugins {
    usearch: UsearchOptions
  }
}

/** Rows added, and queries searched, between two looks at the signal. */
const STEP = 512
/** Share by which lengths may differ where only directions are kept. */
const NORM_TOLERANCE = 0.01

/** An approximate engine: a hierarchical navigable small world graph (Malkov and Yashunin, 2018) by usearch. */
export function usearchEngine(given: UsearchOptions = {}): VectorIndexEngine {
  const settings = options.parse(given)
  return { name: 'usearch', approximate: true, saves: true, open: (binding) => openUsearch(settings, binding) }
}

async function openUsearch(
  settings: Settings,
  { dim, space, file }: { dim: number; space: string; file?: string | undefined },
): Promise<VectorIndex> {
  const usearch = await loadUsearch()
  const { precision, connectivity } = settings
  const empty = () => createUsearchGraph(usearch, { ...settings, dim })
  if (file === undefined) return createUsearchIndex(settings, { dim, space }, { graph: empty(), reload: empty })
  const note = readNote(file)
  checkNote(note, file, { dim, space, precision, connectivity })
  const graph = empty()
  if (settings.mapped) graph.view(file)
  else graph.load(file)
  /** Changes need the graph in memory. */
  const reload = () => {
    readNote(file)
    const loaded = empty()
    loaded.load(file)
    return loaded
  }
  return createUsearchIndex(settings, { dim, space }, { graph, reload, note, mapped: settings.mapped })
}

interface OpenedGraph {
  readonly graph: UsearchGraph
  readonly reload: () => UsearchGraph
  readonly note?: SnapshotNote | undefined
  readonly mapped?: boolean | undefined
}

/**
 * usearch loses nodes after `remove`, and may then never return or end the process, so nothing is ever removed from its graph: removed rows
 * are left out of what it finds. A gallery makes the graph again when too many of them have gathered.
 */
function createUsearchIndex(
  settings: Settings,
  { dim, space }: { dim: number; space: string },
  opened: OpenedGraph,
): VectorIndex {
  const { precision, connectivity } = settings
  const directions = precision === 'int8'
  let { graph } = opened
  let mapped = opened.mapped ?? false
  let common = opened.note?.norm ?? undefined
  const keys = createNodeKeys(opened.note)
  const removed = new Set(opened.note?.removed)

  const writable = () => {
    if (mapped) graph = opened.reload()
    mapped = false
    return graph
  }

  async function add(embeddings: Embeddings, { signal, onProgress }: OperationOptions = {}): Promise<void> {
    assertComparable(embeddings, { space, dim, role: 'gallery' })
    const wanted = directions ? commonNorm(embeddings, keys.rows, common) : undefined
    const index = writable()
    let done = 0
    try {
      while (done < embeddings.rows) {
        signal?.throwIfAborted()
        const count = Math.min(STEP, embeddings.rows - done)
        const first = done
        done += count
        index.add(keys.next + first, embeddings.data.subarray(first * dim, done * dim), count)
        onProgress?.({ phase: 'index', done, total: embeddings.rows, unit: 'image' })
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      // All or nothing, so that the next row gets the position that the caller expects.
      keys.leave(done)
      throw error
    }
    common = wanted
    keys.give(embeddings.rows)
  }

  return {
    specVersion: 'v1',
    name: 'usearch',
    dim,
    space,
    get size() {
      return keys.rows - removed.size
    },
    add,
    async remove(positions) {
      checkPositions(positions, keys.rows)
      for (const position of positions) removed.add(position)
    },
    async search(queries, k, { allow, signal, onProgress } = {}) {
      checkK(k)
      assertComparable(queries, { space, dim, role: 'query' })
      const found: Ranking[] = []
      for (let start = 0; start < queries.rows; start += STEP) {
        signal?.throwIfAborted()
        const count = Math.min(STEP, queries.rows - start)
        const part = queries.data.subarray(start * dim, (start + count) * dim)
        const searched = { graph, keys, removed, dim, common: directions ? (common ?? 1) : undefined }
        found.push(...searchAllowed(searched, part, count, k, allow))
        onProgress?.({ phase: 'search', done: start + count, total: queries.rows, unit: 'query' })
        // One query is short work; many let others in between.
        if (queries.rows > 1) await new Promise((resolve) => setImmediate(resolve))
      }
      return found
    },
    async save(target) {
      await saveGraph(graph, target)
      const { rows, gaps } = keys
      const kept = { rows, gaps, removed: [...removed], norm: common ?? null }
      await writeNote(target, { space, dim, precision, connectivity, ...kept })
    },
    async dispose() {
      graph = opened.graph.empty()
    },
  }
}

/** Whole or not at all. */
async function saveGraph(graph: UsearchGraph, target: string): Promise<void> {
  const unfinished = `${target}${UNFINISHED}`
  graph.save(unfinished)
  const handle = await open(unfinished, 'r+')
  await handle.sync().finally(() => handle.close())
  await rename(unfinished, target)
}

function commonNorm({ data, rows, dim }: Embeddings, first: number, known: number | undefined): number | undefined {
  let common = known
  for (let row = 0; row < rows; row++) {
    const own = norm(data.subarray(row * dim, (row + 1) * dim))
    common ??= own
    if (Math.abs(own - common) > NORM_TOLERANCE * common || own === 0) {
      throw new LookalikeError(
        'index/norm',
        {
          problem: `Row ${first + row} has the length ${own.toPrecision(4)}, where others have ${common.toPrecision(4)}`,
          expected: 'gallery vectors of one length: int8 keeps directions only',
          fix: 'Normalise the vectors, or set the index\'s "precision" to "fp16".',
        },
        { fields: { position: first + row, length: own, wanted: common } },
      )
    }
  }
  return common
}

function checkNote(
  note: SnapshotNote,
  file: string,
  wanted: Pick<SnapshotNote, 'dim' | 'space' | 'precision' | 'connectivity'>,
): void {
  for (const [key, value] of Object.entries(wanted) as [keyof typeof wanted, string | number][]) {
    if (note[key] === value) continue
    throw new LookalikeError(
      'index/snapshot',
      {
        problem: `The saved index ${file} was made with ${key} ${note[key]}`,
        expected: `${key} ${value}`,
        fix: 'Delete it and its .json: it is made again from the vectors.',
      },
      { fields: { path: file, key, given: note[key], wanted: value } },
    )
  }
}

export const usearchPlugin: Plugin<'index'> = definePlugin({
  specVersion: 'v1',
  kind: 'index',
  name: 'usearch',
  description: 'Approximate search in a graph of neighbours, for millions of images.',
  options,
  create: usearchEngine,
})
