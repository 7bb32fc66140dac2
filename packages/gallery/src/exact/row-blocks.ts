/** Consecutive gallery rows in one piece of memory. */
export interface RowBlock {
  /** Position of the first row. */
  readonly start: number
  readonly rows: number
  /** `rows * dim` values. */
  readonly data: Float32Array
}

/** Rows that only grow, in blocks of equal size but for the last. */
export interface RowBlocks {
  readonly rows: number
  readonly blocks: readonly RowBlock[]
  /** Full blocks of `data` are kept as they are, not copied: it must not change afterwards. */
  append(data: Float32Array, rows: number): void
}

/** Rows kept together; also the most that one product takes. */
export const BLOCK_ROWS = 16_384

export function createRowBlocks(dim: number, blockRows = BLOCK_ROWS): RowBlocks {
  const full: RowBlock[] = []
  let tail = new Float32Array(0)
  let tailRows = 0
  const tailStart = () => full.length * blockRows
  return {
    get rows() {
      return tailStart() + tailRows
    },
    get blocks() {
      return tailRows === 0
        ? full
        : [...full, { start: tailStart(), rows: tailRows, data: tail.subarray(0, tailRows * dim) }]
    },
    append(data, rows) {
      for (let row = 0; row < rows; ) {
        if (tailRows === 0 && rows - row >= blockRows) {
          full.push({ start: tailStart(), rows: blockRows, data: data.subarray(row * dim, (row + blockRows) * dim) })
          row += blockRows
          continue
        }
        const taken = Math.min(rows - row, blockRows - tailRows)
        tail = withRoom(tail, (tailRows + taken) * dim, blockRows * dim)
        tail.set(data.subarray(row * dim, (row + taken) * dim), tailRows * dim)
        tailRows += taken
        row += taken
        if (tailRows === blockRows) {
          full.push({ start: tailStart(), rows: blockRows, data: tail })
          tail = new Float32Array(0)
          tailRows = 0
        }
      }
    },
  }
}

function withRoom(values: Float32Array<ArrayBuffer>, length: number, most: number): Float32Array<ArrayBuffer> {
  if (values.length >= length) return values
  const larger = new Float32Array(Math.min(most, Math.max(length, values.length * 2)))
  larger.set(values)
  return larger
}
