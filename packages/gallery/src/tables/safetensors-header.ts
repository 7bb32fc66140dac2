import type { TableHead } from './vector-table.js'

/**
 * The head of a safetensors file with one matrix, "vectors": the length of the JSON, the JSON, padded with spaces. https://huggingface.co/docs/safetensors
 *
 * @param bytes of the whole head, so that it can be written again when the number of rows is known
 */
export function safetensorsHeader(rows: number, { space, dim }: TableHead, bytes: number): Buffer {
  const json = JSON.stringify({
    __metadata__: { format: 'lookalike-vectors', space },
    vectors: { dtype: 'F32', shape: [rows, dim], data_offsets: [0, rows * dim * 4] },
  })
  const head = Buffer.alloc(bytes, ' ')
  head.writeBigUInt64LE(BigInt(bytes - 8), 0)
  head.write(json, 8, 'utf8')
  return head
}

/** Bytes that a head takes whatever the number of rows, a multiple of 8. */
export const safetensorsHeaderBytes = ({ space }: Pick<TableHead, 'space'>): number =>
  8 * Math.ceil((256 + Buffer.byteLength(JSON.stringify(space))) / 8)
