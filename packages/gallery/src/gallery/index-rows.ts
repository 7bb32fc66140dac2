import { createHash } from 'node:crypto'

/**
 * Which rows of a store an engine has: those whose images were there when it came to them, in their order. So an engine that is made again
 * gets no row in vain.
 */
export interface IndexRows {
  /** Rows of the store that were looked at. */
  readonly seen: number
  /** Rows that the engine got. */
  readonly given: number
  readonly skipped: readonly number[]
  /** The store's position of an engine's row. */
  positionOf(row: number): number
  /** The engine's row, undefined where it never got that position. */
  rowOf(position: number): number | undefined
  /** Goes on to `seen`, having given these positions of what comes between. */
  extend(given: readonly number[], seen: number): void
  /** Of the positions that were given, and of their vectors. */
  digest(checkOf: (position: number) => number): string
}

export function createIndexRows(seen = 0, skipped: readonly number[] = []): IndexRows {
  const left = [...skipped]
  let end = seen
  /** Undefined while every row was given. */
  let positions: number[] | undefined
  const given = () => end - left.length
  if (left.length > 0) {
    const without = new Set(left)
    positions = []
    for (let position = 0; position < seen; position++) if (!without.has(position)) positions.push(position)
  }
  return {
    get seen() {
      return end
    },
    get given() {
      return given()
    },
    skipped: left,
    positionOf: (row) => (positions ? positions[row]! : row),
    rowOf(position) {
      if (!positions) return position < end ? position : undefined
      let low = 0
      let high = positions.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (positions[middle]! < position) low = middle + 1
        else high = middle
      }
      return positions[low] === position ? low : undefined
    },
    extend(now, upTo) {
      if (!positions && now.length < upTo - end) positions = Array.from({ length: end }, (_, position) => position)
      const there = new Set(now)
      for (let position = end; position < upTo; position++) if (!there.has(position)) left.push(position)
      for (const position of positions ? now : []) positions!.push(position)
      end = upTo
    },
    digest(checkOf) {
      const count = given()
      const words = new Uint32Array(count * 2)
      for (let row = 0; row < count; row++) {
        const position = positions ? positions[row]! : row
        words[row * 2] = position
        words[row * 2 + 1] = checkOf(position)
      }
      return createHash('sha256').update(words).digest('hex')
    },
  }
}
