import type { Embeddings, Similarities } from '@lookalike/core'
import { createSession, float32, type Tensor } from '@lookalike/onnx'
import { splitBlock } from './row-blocks.js'
import { similarityGraph } from './top-k-graph.js'

/** Rows of one product. */
const BLOCK_ROWS = 8192

/** The fast engine for `judgeEmbeddings`: inner products in onnxruntime-node. */
export async function exactSimilarities(gallery: Embeddings): Promise<Similarities> {
  const { data, rows: count, dim } = gallery
  const session = await createSession(similarityGraph(dim), { spinning: false })
  const blocks = splitBlock({ start: 0, rows: count, data }, dim, BLOCK_ROWS)
  let result = new Float32Array(0)
  let room = new Float32Array(0)
  return {
    async compute(queries, rows) {
      if (result.length < rows * count) result = new Float32Array(rows * count)
      const widest = rows * (blocks[0]?.rows ?? 0)
      if (room.length < widest) room = new Float32Array(widest)
      const part = float32(queries, [rows, dim])
      for (const block of blocks) {
        const values: Tensor = float32(room.subarray(0, rows * block.rows), [rows, block.rows])
        await session.run({ queries: part, gallery: float32(block.data, [block.rows, dim]) }, { into: { values } })
        for (let row = 0; row < rows; row++) {
          result.set(room.subarray(row * block.rows, (row + 1) * block.rows), row * count + block.start)
        }
      }
      return result.subarray(0, rows * count)
    },
    dispose: () => session.dispose(),
  }
}
