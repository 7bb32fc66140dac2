import { type Curve, type GalleryRejection, isLookalikeError, type Ranking } from '@lookalike/core'
import { galleryRejection } from '../metrics/gallery-rejection.js'
import type { Truth } from '../metrics/truth.js'

/** Shares of the gallery kept, as its least sure images are rejected. */
const COVERAGES = Array.from({ length: 11 }, (_, i) => 1 - i / 20)

/** Recall at every k up to `most`, from the rank of each query's first right answer. */
export function recallCurve(name: string, firstRanks: readonly number[], most: number): Curve {
  const found = new Float64Array(most + 1)
  for (const rank of firstRanks) if (rank <= most) found[rank]!++
  for (let k = 1; k <= most; k++) found[k]! += found[k - 1]!
  const ks = Array.from({ length: most }, (_, i) => i + 1)
  const recall = ks.map((k) => found[k]! / firstRanks.length)
  return { name, x: { label: 'k', values: ks }, y: { label: 'recall@k', values: recall } }
}

/** Error at rank 1 as the least sure gallery images are rejected, down to half of the gallery. */
export function measureRejection(
  uncertainty: Float32Array,
  rankings: readonly Ranking[],
  truth: Truth,
  seed: number,
): GalleryRejection {
  return rejectAsFarAsPossible(uncertainty, rankings, truth, seed, COVERAGES)
}

/** The same as curves: the least sure first, at random, and as well as possible. */
export function rejectionCurves(found: GalleryRejection): Curve[] {
  const curve = (name: string, aurc: number, risk: readonly number[]): Curve => ({
    name: `${name} (AURC ${aurc.toFixed(4)})`,
    x: { label: 'share of the gallery kept', values: found.coverage },
    y: { label: 'error at rank 1 where an answer is kept', values: risk },
  })
  return [
    curve('least sure first', found.aurc, found.risk),
    curve('at random', found.randomAurc, found.randomRisk),
    curve('oracle', found.oracleAurc, found.oracleRisk),
  ]
}

/** Lists that hold only rejected images at some coverage end the curve there. */
function rejectAsFarAsPossible(
  uncertainty: Float32Array,
  rankings: readonly Ranking[],
  truth: Truth,
  seed: number,
  coverages: readonly number[],
): GalleryRejection {
  try {
    return galleryRejection(rankings, truth, uncertainty, { coverages, seed })
  } catch (error) {
    if (!isLookalikeError(error, 'metrics/depth') || coverages.length <= 1) throw error
    return rejectAsFarAsPossible(uncertainty, rankings, truth, seed, coverages.slice(0, -1))
  }
}
