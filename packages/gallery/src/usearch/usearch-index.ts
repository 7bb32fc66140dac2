import { open, rename } from 'node:fs/promises'
import {
  assertComparable,
  createRanking,
  definePlugin,
  type Embeddings,
  LookalikeError,
  type OperationOptions,
  type Plugin,
  type Ranking,
  type VectorIndex,
  type VectorIndexEngine,
} from '@lookalike/core'
import type { Index } from 'usearch'
import { z } from 'zod'
import { checkPositions } from '../exact/exact-index.js'
import { checkK } from '../exact/row-blocks.js'
import { loadUsearch } from './load-usearch.js'
import { readNote, type SnapshotNote, writeNote } from './snapshot.js'

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
    .default(64)
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

const QUANTIZATION = { fp32: 'f32', fp16: 'f16', int8: 'i8' } as const
/** Rows added, and queries searched, between two looks at the signal. */
const STEP = 512
/** Share by which lengths may differ where only directions are kept. */
const NORM_TOLERANCE = 0.01

/** An approximate engine: a hierarchical navigable small world graph (Malkov and Yashunin, 2018) by usearch. */
export function usearchEngine(given: UsearchOptions = {}): VectorIndexEngine {
  const settings = options.parse(given)
  return { name: 'usearch', open: (binding) => openUsearch(settings, binding) }
}

async function openUsearch(
  settings: Settings,
  { dim, space, file }: { dim: number; space: string; file?: string },
): Promise<VectorIndex> {
  const { Index } = await loadUsearch()
  const { precision, connectivity, threads } = settings
  const directions = precision === 'int8'
  let note: SnapshotNote | undefined
  const create = () =>
    new Index({
      dimensions: dim,
      // usearch scales int8 vectors to unit length, so that their inner product is the cosine.
      metric: (directions ? 'cos' : 'ip') as never,
      quantization: QUANTIZATION[precision] as never,
      connectivity,
      expansion_add: settings.expansionAdd,
      expansion_search: settings.expansionSearch,
      multi: false,
    })
  let graph: Index = create()
  let mapped: string | undefined
  let norm: number | undefined
  let rows = 0
  if (file !== undefined) {
    note = readNote(file, settings.mapped ? 'edges' : 'all')
    checkNote(note, file, { dim, space, precision, connectivity })
    if (settings.mapped) {
      graph.view(file)
      mapped = file
    } else graph.load(file)
    rows = note.rows
    norm = note.norm ?? undefined
  }

  /** Changes need the graph in memory. */
  const writable = () => {
    if (mapped !== undefined) {
      readNote(mapped, 'all')
      const loaded = create()
      loaded.load(mapped)
      graph = loaded
      mapped = undefined
    }
    return graph
  }

  async function add(embeddings: Embeddings, { signal, onProgress }: OperationOptions = {}): Promise<void> {
    assertComparable(embeddings, { space, dim, role: 'gallery' })
    if (directions) norm = commonNorm(embeddings, rows, norm)
    const index = writable()
    const first = rows
    try {
      for (let start = 0; start < embeddings.rows; start += STEP) {
        signal?.throwIfAborted()
        const end = Math.min(embeddings.rows, start + STEP)
        index.add(
          BigUint64Array.from({ length: end - start }, (_, i) => BigInt(first + start + i)),
          embeddings.data.subarray(start * dim, end * dim),
          threads,
        )
        rows = first + end
        onProgress?.({ phase: 'index', done: end, total: embeddings.rows, unit: 'image' })
        await new Promise((resolve) => setImmediate(resolve))
      }
    } catch (error) {
      // All or nothing, so that the next row gets the position that the caller expects.
      if (rows > first) index.remove(BigUint64Array.from({ length: rows - first }, (_, i) => BigInt(first + i)))
      rows = first
      throw error
    }
  }

  function nearest(queries: Float32Array, count: number, k: number): { positions: number[]; distances: number[] }[] {
    const { keys, distances, counts } = searchGraph(graph, queries, count, k, threads)
    return Array.from({ length: count }, (_, row) => {
      const found = Number(counts[row])
      // usearch gives 1 - cosine for directions: the lengths are put back.
      const scale = directions ? length(queries.subarray(row * dim, (row + 1) * dim)) * (norm ?? 1) : 1
      const order = Array.from({ length: found }, (__, i) => {
        const distance = distances[row * k + i]!
        return { position: Number(keys[row * k + i]), distance: directions ? 1 - scale * (1 - distance) : distance }
      }).sort((a, b) => a.distance - b.distance || a.position - b.position)
      return { positions: order.map(({ position }) => position), distances: order.map(({ distance }) => distance) }
    })
  }

  return {
    specVersion: 'v1',
    name: 'usearch',
    dim,
    space,
    get size() {
      return graph.size()
    },
    add,
    async remove(positions) {
      checkPositions(positions, rows)
      const index = writable()
      const present = positions.filter((position) => index.contains(BigInt(position)))
      if (present.length > 0) index.remove(BigUint64Array.from(present, BigInt))
    },
    async search(queries, k, { allow, signal, onProgress } = {}) {
      checkK(k)
      assertComparable(queries, { space, dim, role: 'query' })
      const size = graph.size()
      const found: Ranking[] = []
      for (let start = 0; start < queries.rows; start += STEP) {
        signal?.throwIfAborted()
        const count = Math.min(STEP, queries.rows - start)
        const part = queries.data.subarray(start * dim, (start + count) * dim)
        found.push(...searchAllowed(part, count, Math.min(k, size), size, allow))
        onProgress?.({ phase: 'search', done: start + count, total: queries.rows, unit: 'query' })
        await new Promise((resolve) => setImmediate(resolve))
      }
      return found
    },
    async save(target) {
      graph.save(`${target}.new`)
      // A mapped file is not read whole before it is used: it must be on disk before it has its name.
      const handle = await open(`${target}.new`, 'r+')
      await handle.sync().finally(() => handle.close())
      await rename(`${target}.new`, target)
      await writeNote(target, { space, dim, precision, connectivity, rows, norm: norm ?? null })
    },
    async dispose() {
      graph = create()
    },
  }

  /** The graph knows no filter: more is fetched until enough of it is allowed, in the end everything. */
  function searchAllowed(
    queries: Float32Array,
    count: number,
    k: number,
    size: number,
    allow?: (position: number) => boolean,
  ): Ranking[] {
    const results = new Map<number, Ranking>()
    const all = Array.from({ length: count }, (_, row) => row)
    let waiting = all
    if (k === 0) return waiting.map(() => createRanking(new Int32Array(), new Float32Array()))
    for (let fetched = k; waiting.length > 0; fetched = Math.min(size, fetched * 4)) {
      const part = waiting.length === count ? queries : gather(queries, waiting)
      const lists = nearest(part, waiting.length, fetched)
      waiting = waiting.filter((row, i) => {
        const { positions, distances } = lists[i]!
        const kept: number[] = []
        for (let j = 0; j < positions.length && kept.length < k; j++) if (allow?.(positions[j]!) ?? true) kept.push(j)
        if (kept.length < k && allow && fetched < size) return true
        results.set(
          row,
          createRanking(
            Int32Array.from(kept, (j) => positions[j]!),
            Float32Array.from(kept, (j) => distances[j]!),
          ),
        )
        return false
      })
    }
    return all.map((row) => results.get(row)!)
  }

  function gather(queries: Float32Array, which: readonly number[]): Float32Array {
    const data = new Float32Array(which.length * dim)
    which.forEach((row, i) => data.set(queries.subarray(row * dim, (row + 1) * dim), i * dim))
    return data
  }
}

function searchGraph(graph: Index, queries: Float32Array, count: number, k: number, threads: number) {
  const matches = graph.search(queries, k, threads)
  // One query comes back without counts.
  return count === 1 && !('counts' in matches)
    ? { keys: matches.keys, distances: matches.distances, counts: BigUint64Array.of(BigInt(matches.keys.length)) }
    : (matches as unknown as { keys: BigUint64Array; distances: Float32Array; counts: BigUint64Array })
}

function commonNorm({ data, rows, dim }: Embeddings, first: number, known: number | undefined): number | undefined {
  let norm = known
  for (let row = 0; row < rows; row++) {
    const own = length(data.subarray(row * dim, (row + 1) * dim))
    norm ??= own
    if (Math.abs(own - norm) > NORM_TOLERANCE * norm || own === 0) {
      throw new LookalikeError(
        'index/norm',
        {
          problem: `Row ${first + row} has the length ${own.toPrecision(4)}, where others have ${norm.toPrecision(4)}`,
          expected: 'gallery vectors of one length: int8 keeps directions only',
          fix: 'Normalise the vectors, or set the index\'s "precision" to "fp16".',
        },
        { fields: { position: first + row, length: own, wanted: norm } },
      )
    }
  }
  return norm
}

function length(vector: Float32Array): number {
  let sum = 0
  for (const value of vector) sum += value * value
  return Math.sqrt(sum)
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
