import { createRanking, type OperationOptions, type Ranking } from '@lookalike/core'
import { createSession, float32, int64, type Session } from '@lookalike/onnx'
import { mergeBest } from './merge-best.js'
import { BLOCK_ROWS, type RowBlock, splitBlock } from './row-blocks.js'
import { topKGraph } from './top-k-graph.js'

interface BlockSearchOptions extends OperationOptions {
  readonly allow?: ((position: number) => boolean) | undefined
}

export interface BlockSearcher {
  /** One ranking a query, at most `k` long. */
  search(blocks: readonly RowBlock[], queries: Float32Array, count: number, k: number, options?: BlockSearchOptions): Promise<Ranking[]>
  dispose(): Promise<void>
}

/** Queries multiplied at a time: many, so that the cost of laying out the gallery's rows for the product is shared. */
const QUERIES = 1024
/** Similarities at a time: they fit the processor's cache, which makes finding the largest ones cheap. */
const SIMILARITIES = 1 << 22

/** Exact search by matrix product, block by block, in onnxruntime-node. */
export function createBlockSearcher(dim: number, threads?: number): BlockSearcher {
  const sessions = new Map<boolean, Promise<Session>>()
  const sessionFor = (bias: boolean) => {
    let session = sessions.get(bias)
    if (!session) {
      session = createSession(topKGraph(dim, bias), { spinning: false, ...(threads !== undefined && { threads }) })
      session.catch(() => sessions.delete(bias))
      sessions.set(bias, session)
    }
    return session
  }
  return {
    async search(whole, queries, count, k, { allow, signal, onProgress } = {}) {
      const blocks = whole.flatMap((block) => splitBlock(block, dim, rowsFor(count)))
      const biases = allow ? blocks.map((block) => biasOf(block, allow)) : []
      const total = blocks.reduce((sum, { rows }, i) => sum + (biases[i] ? biases[i].allowed : rows), 0)
      const kept = Math.min(k, total)
      const found: Ranking[] = []
      for (let start = 0; start < count; start += QUERIES) {
        const rows = Math.min(QUERIES, count - start)
        const part = float32(queries.subarray(start * dim, (start + rows) * dim), [rows, dim])
        const best = mergeBest(rows, kept)
        for (const [i, block] of blocks.entries()) {
          signal?.throwIfAborted()
          const bias = biases[i]
          if (bias?.allowed === 0) continue
          const some = bias !== undefined && bias.allowed < block.rows
          const width = Math.min(kept, bias?.allowed ?? block.rows)
          const { values, positions } = await (await sessionFor(some)).run({
            queries: part,
            gallery: float32(block.data, [block.rows, dim]),
            k: int64([width], [1]),
            ...(some && { bias: float32(bias.values, [block.rows]) }),
          })
          best.add(values!.data as Float32Array, positions!.data as BigInt64Array, width, block.start)
        }
        for (let row = 0; row < rows; row++) found.push(createRanking(...best.of(row)))
        onProgress?.({ phase: 'search', done: start + rows, total: count, unit: 'query' })
      }
      return found
    },
    async dispose() {
      const open = [...sessions.values()]
      sessions.clear()
      for (const session of open) await (await session).dispose()
    },
  }
}

const rowsFor = (queries: number) => Math.floor(SIMILARITIES / Math.min(QUERIES, Math.max(queries, SIMILARITIES / BLOCK_ROWS)))

function biasOf({ start, rows }: RowBlock, allow: (position: number) => boolean): { values: Float32Array; allowed: number } {
  const values = new Float32Array(rows)
  let allowed = 0
  for (let row = 0; row < rows; row++) {
    if (allow(start + row)) allowed++
    else values[row] = -Infinity
  }
  return { values, allowed }
}
