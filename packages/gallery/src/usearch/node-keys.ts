/**
 * Which node of a graph is which position. Nodes are numbered as they come and never taken out: an addition that was stopped half-way leaves
 * nodes that stand for nothing.
 */
export interface NodeKeys {
  /** Positions given so far. */
  readonly rows: number
  /** Of the next node. */
  readonly next: number
  /** [first key, how many] */
  readonly gaps: readonly (readonly [number, number])[]
  /** The next nodes get the next positions. */
  give(count: number): void
  /** The next nodes stand for nothing. */
  leave(count: number): void
  /** Undefined for a node that stands for nothing. */
  positionOf(key: number): number | undefined
}

export function createNodeKeys({
  rows: given = 0,
  gaps: before = [],
}: {
  rows?: number | undefined
  gaps?: readonly (readonly [number, number])[] | undefined
} = {}): NodeKeys {
  let rows = given
  const gaps: [number, number][] = before.map(([key, count]) => [key, count])
  const nodesBefore = (key: number) => gaps.reduce((sum, [first, count]) => (first < key ? sum + count : sum), 0)
  return {
    get rows() {
      return rows
    },
    get next() {
      return rows + nodesBefore(Infinity)
    },
    gaps,
    give(count) {
      rows += count
    },
    leave(count) {
      if (count > 0) gaps.push([rows + nodesBefore(Infinity), count])
    },
    positionOf(key) {
      if (gaps.length === 0) return key
      if (gaps.some(([first, count]) => key >= first && key < first + count)) return undefined
      return key - nodesBefore(key)
    },
  }
}
