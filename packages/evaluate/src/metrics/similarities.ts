import { dotRows, type Embeddings, type Similarities } from '@lookalike/core'

/** Rows of the gallery that stay in the processor's cache while all queries of a call pass. */
const BLOCK_BYTES = 256 << 10

/** Inner products in plain JavaScript; good for thousands of rows, slow for more. */
export async function plainSimilarities({ data, rows: count, dim }: Embeddings): Promise<Similarities> {
  const block = Math.max(1, Math.floor(BLOCK_BYTES / 4 / dim))
  return {
    async compute(queries, rows) {
      const result = new Float32Array(rows * count)
      for (let start = 0; start < count; start += block) {
        const end = Math.min(count, start + block)
        for (let row = 0; row < rows; row++) {
          for (let position = start; position < end; position++)
            result[row * count + position] = dotRows(queries, row, data, position, dim)
        }
      }
      return result
    },
    dispose: async () => undefined,
  }
}
