import type { Embeddings, Similarities } from '@lookalike/core'
import { createSession, float32 } from '@lookalike/onnx'
import { filledUp, UNIT } from './block-searcher.js'
import { similarityGraph } from './top-k-graph.js'

/** The fast engine for `judgeEmbeddings`: inner products in onnxruntime-node. */
export async function exactSimilarities({ data, rows: count, dim }: Embeddings): Promise<Similarities> {
  const session = await createSession(similarityGraph(dim), { spinning: false })
  // Small galleries are filled up, so that equal rows get equal similarities.
  const width = Math.max(count, UNIT)
  const gallery = float32(width === count ? data : filledUp(data, width * dim), [width, dim])
  return {
    async compute(queries, rows) {
      const { values } = await session.run({ queries: float32(queries, [rows, dim]), gallery })
      const all = values!.data as Float32Array
      if (width === count) return all
      const result = new Float32Array(rows * count)
      for (let row = 0; row < rows; row++) result.set(all.subarray(row * width, row * width + count), row * count)
      return result
    },
    dispose: () => session.dispose(),
  }
}
