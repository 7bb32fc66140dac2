import { createRanking, type OperationOptions, type Ranking } from '@lookalike/core'
import { createSession, float32, int64, type Session } from '@lookalike/onnx'
import { mergeBest } from './merge-best.js'
import { BLOCK_ROWS, type RowBlock } from './row-blocks.js'
import { topKGraph } from './top-k-graph.js'

interface BlockSearchOptions extends OperationOptions {
  readonly allow?: ((position: number) => boolean) | undefined
}

export interface BlockSearcher {
  /** One ranking a query, at most `k` long. */
  search(
    blocks: readonly RowBlock[],
    queries: Float32Array,
    count: number,
    k: number,
    options?: BlockSearchOptions,
  ): Promise<Ranking[]>
  dispose(): Promise<void>
}

/** Queries multiplied at a time: many, so that the cost of laying out the gallery's rows for the product is shared. */
const QUERIES = 1024
/** Similarities at a time: they fit the processor's cache, which makes finding the largest ones cheap. */
const SIMILARITIES = 1 << 22
/**
 * Gallery rows of a product are a multiple of this. The runtime rounds the sums of products that leave a thread fewer than 65 rows
 * differently (seen on two threads), and equal rows must get equal similarities to be ordered by their positions.
 */
export const UNIT = 2048

/** Exact search by matrix product, block by block, in onnxruntime-node. */
export function createBlockSearcher(dim: number, threads?: number): BlockSearcher {
  const sessions = new Map<boolean, Promise<Session>>()
  const sessionFor = (bias: boolean) => {
    let session = sessions.get(bias)
    if (!session) {
      session = createSession(topKGraph(dim, bias), { spinning: false, threads })
      session.catch(() => sessions.delete(bias))
      sessions.set(bias, session)
    }
    return session
  }
  return {
    async search(whole, queries, count, k, { allow, signal, onProgress } = {}) {
      const products = whole.flatMap((block) => toProducts(block, dim, rowsFor(count), allow))
      const kept = Math.min(
        k,
        products.reduce((sum, { found }) => sum + found, 0),
      )
      const rankings: Ranking[] = []
      for (let start = 0; start < count; start += QUERIES) {
        const rows = Math.min(QUERIES, count - start)
        const part = float32(queries.subarray(start * dim, (start + rows) * dim), [rows, dim])
        const best = mergeBest(rows, kept)
        for (const product of products) {
          signal?.throwIfAborted()
          const width = Math.min(kept, product.found)
          const { values, positions } = await (await sessionFor(product.bias !== undefined)).run({
            queries: part,
            gallery: float32(product.data, [product.rows, dim]),
            k: int64([width], [1]),
            ...(product.bias && { bias: float32(product.bias, [product.rows]) }),
          })
          best.add(values!.data as Float32Array, positions!.data as BigInt64Array, width, product.start)
        }
        for (let row = 0; row < rows; row++) rankings.push(createRanking(...best.of(row)))
        onProgress?.({ phase: 'search', done: start + rows, total: count, unit: 'query' })
      }
      return rankings
    },
    async dispose() {
      const open = [...sessions.values()]
      sessions.clear()
      for (const session of open) await (await session).dispose()
    },
  }
}

const rowsFor = (queries: number) =>
  Math.floor(SIMILARITIES / Math.min(QUERIES, Math.max(queries, SIMILARITIES / BLOCK_ROWS)) / UNIT) * UNIT

/** Gallery rows of one product. */
interface ProductRows extends RowBlock {
  /** Added to the similarities: minus infinity hides a row. */
  readonly bias: Float32Array | undefined
  /** Rows that are not hidden, at least one. */
  readonly found: number
}

/** Cuts a block into products of at most `most` rows. The last rows are filled up with hidden ones; the others are not copied. */
function toProducts(
  { start, rows, data }: RowBlock,
  dim: number,
  most: number,
  allow?: (position: number) => boolean,
): ProductRows[] {
  const products: ProductRows[] = []
  for (let row = 0; row < rows; ) {
    const whole = Math.min(most, Math.floor((rows - row) / UNIT) * UNIT)
    const there = whole || rows - row
    const width = whole || UNIT
    const first = start + row
    const bias = there === width && !allow ? undefined : new Float32Array(width).fill(-Infinity, there)
    let found = there
    for (let i = 0; bias && allow && i < there; i++) {
      if (allow(first + i)) continue
      bias[i] = -Infinity
      found--
    }
    const values = data.subarray(row * dim, (row + there) * dim)
    if (found > 0)
      products.push({
        start: first,
        rows: width,
        data: whole ? values : filledUp(values, width * dim),
        bias: found < width ? bias : undefined,
        found,
      })
    row += there
  }
  return products
}

/** With zeros behind. */
export function filledUp(values: Float32Array, length: number): Float32Array {
  const filled = new Float32Array(length)
  filled.set(values)
  return filled
}
