import { dotRows } from '@lookalike/core'

/** Rows of a batch that make pairs: `query[i]` with `candidate[i]`, `different[i]` 1 where their classes differ, else 0. */
export interface Pairs {
  readonly query: Int32Array
  readonly candidate: Int32Array
  readonly different: Uint8Array
}

/**
 * STIR's pairs of a batch: every item with its farthest of the same class and its nearest of another, by unit embeddings. A pair that both
 * of its members chose counts once; ties go to the earlier row; items whose class has no other in the batch make no same-class pair.
 */
export function minePairs(embeddings: Float32Array, dim: number, labels: Int32Array): Pairs {
  const pairs = new Map<number, [query: number, candidate: number, different: number]>()
  const rows = labels.length
  const add = (i: number, j: number, different: number) => {
    if (j < 0) return
    const key = Math.min(i, j) * rows + Math.max(i, j)
    if (!pairs.has(key)) pairs.set(key, [i, j, different])
  }
  for (let i = 0; i < rows; i++) {
    let farthest = -1
    let nearest = -1
    let low = Infinity
    let high = -Infinity
    for (let j = 0; j < rows; j++) {
      if (j === i) continue
      const similarity = dotRows(embeddings, i, embeddings, j, dim)
      if (labels[j] === labels[i]) {
        if (similarity < low) [low, farthest] = [similarity, j]
      } else if (similarity > high) {
        ;[high, nearest] = [similarity, j]
      }
    }
    add(i, farthest, 0)
    add(i, nearest, 1)
  }
  const all = [...pairs.values()]
  return {
    query: Int32Array.from(all, ([i]) => i),
    candidate: Int32Array.from(all, ([, j]) => j),
    different: Uint8Array.from(all, ([, , different]) => different),
  }
}
