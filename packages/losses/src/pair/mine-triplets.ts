import { anchorPlaces, type Pairs } from './pairs.js'

export type Mining = 'hard' | 'all' | 'semi-hard' | 'n-hard'

/**
 * Visits triplets chosen by their distances, as places in the matrix of pairs: that of (anchor, positive) and that of
 * (anchor, negative). Ties go to the lower position.
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
  visit: (positive: number, negative: number) => void,
): void {
  const { values } = pairs
  const n = mining === 'hard' ? 1 : mining === 'n-hard' ? options.n : Infinity
  const placesOf = anchorPlaces(pairs)
  for (let row = 0; row < pairs.rows; row++) {
    const { positives, negatives } = placesOf(row)
    if (mining === 'semi-hard') {
      for (const p of positives) {
        const q = semiHard(values, p, negatives, options.margin)
        if (q !== undefined) visit(p, q)
      }
      continue
    }
    const farthest = first(positives, n, (a, b) => values[b]! - values[a]!)
    const nearest = first(negatives, n, (a, b) => values[a]! - values[b]!)
    for (let i = 0; i < farthest.length; i++) {
      for (let j = 0; j < nearest.length; j++) visit(farthest[i]!, nearest[j]!)
    }
  }
}

function first(places: Int32Array, n: number, order: (a: number, b: number) => number): Int32Array {
  if (n >= places.length) return places
  if (n > 1)
    return places
      .slice()
      .sort((a, b) => order(a, b) || a - b)
      .subarray(0, n)
  let best = places[0]!
  for (let i = 1; i < places.length; i++) if (order(places[i]!, best) < 0) best = places[i]!
  return Int32Array.of(best)
}

function semiHard(values: Float32Array, p: number, negatives: Int32Array, margin: number | null): number | undefined {
  let best: number | undefined
  for (const n of negatives) {
    const gap = values[n]! - values[p]!
    if (gap <= 0 || (margin !== null && gap >= margin)) continue
    if (best === undefined || values[n]! < values[best]!) best = n
  }
  return best
}
