import type { Pairs } from './pairs.js'

export type Mining = 'hard' | 'all' | 'semi-hard' | 'n-hard'

/** Triplets as places in the matrix of pairs: entry t is the pair (anchor, positive) and the pair (anchor, negative). */
export interface Triplets {
  readonly positives: Int32Array
  readonly negatives: Int32Array
}

/**
 * Chooses triplets by their distances; ties go to the lower position.
 *
 * - `all`: every anchor with every positive and every negative;
 * - `hard`: for each anchor its farthest positive and its nearest negative;
 * - `n-hard`: for each anchor its n farthest positives with its n nearest negatives, n x n triplets;
 * - `semi-hard`: for each anchor and positive the nearest negative that is farther than the positive, by less than the margin
 *   (FaceNet, arXiv 1503.03832); where there is none, no triplet.
 */
export function mineTriplets(
  pairs: Pairs,
  mining: Mining,
  options: { readonly n: number; readonly margin: number | null },
): Triplets {
  const positives: number[] = []
  const negatives: number[] = []
  const add = (p: number, n: number) => {
    positives.push(p)
    negatives.push(n)
  }
  for (let row = 0; row < pairs.rows; row++) {
    const own = placesIn(pairs.positives, row, pairs.columns)
    const other = placesIn(pairs.negatives, row, pairs.columns)
    if (own.length === 0 || other.length === 0) continue
    if (mining === 'semi-hard') {
      for (const p of own) {
        const n = semiHard(pairs.values, p, other, options.margin)
        if (n !== undefined) add(p, n)
      }
      continue
    }
    const n = mining === 'hard' ? 1 : mining === 'n-hard' ? options.n : Infinity
    for (const p of first(own, n, (a, b) => pairs.values[b]! - pairs.values[a]!)) {
      for (const q of first(other, n, (a, b) => pairs.values[a]! - pairs.values[b]!)) add(p, q)
    }
  }
  return { positives: Int32Array.from(positives), negatives: Int32Array.from(negatives) }
}

function placesIn(mask: Float32Array, row: number, columns: number): number[] {
  const places: number[] = []
  for (let i = row * columns; i < (row + 1) * columns; i++) if (mask[i]! > 0) places.push(i)
  return places
}

function first(places: number[], n: number, order: (a: number, b: number) => number): readonly number[] {
  if (n >= places.length) return places
  if (n === 1) return [places.reduce((best, place) => (order(place, best) < 0 ? place : best))]
  return [...places].sort((a, b) => order(a, b) || a - b).slice(0, n)
}

function semiHard(
  values: Float32Array,
  p: number,
  negatives: readonly number[],
  margin: number | null,
): number | undefined {
  let best: number | undefined
  for (const n of negatives) {
    const gap = values[n]! - values[p]!
    if (gap <= 0 || (margin !== null && gap >= margin)) continue
    if (best === undefined || values[n]! < values[best]!) best = n
  }
  return best
}
