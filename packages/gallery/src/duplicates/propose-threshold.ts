/** How a threshold for near duplicates came about. */
export interface ThresholdProposal {
  readonly threshold: number
  /** Images of which altered copies were made. */
  readonly images: number
  /** Distances from images to their altered copies: within which half and 95 % of them lie. */
  readonly copies: { readonly median: number; readonly most: number }
  /** Distances from the same images to the nearest other image: within which half and 90 % of them lie. */
  readonly others: { readonly median: number; readonly most: number }
}

/** Share of the copies that are to be found. Ours. */
const MOST = 0.95
/** Share of the images that may have a duplicate already. Ours. */
const MOST_OTHERS = 0.9

/**
 * The distance within which 95 % of altered copies of a collection's own images lie, as long as for a tenth of the images the nearest other one is farther:
 * a model for which that is not so cannot tell copies from other images, and only the nearer half of the copies' range is proposed.
 *
 * @param copies distances from images to altered copies of themselves
 * @param others distances from images to the nearest image that is no exact copy
 */
export function proposeThreshold(copies: ArrayLike<number>, others: ArrayLike<number>): ThresholdProposal {
  const sortedCopies = Float64Array.from(copies).sort()
  const sortedOthers = Float64Array.from(others).sort()
  const most = quantile(sortedCopies, MOST)
  const median = quantile(sortedCopies, 0.5)
  const far = quantile(sortedOthers, MOST_OTHERS)
  return {
    threshold: Number((most < far ? most : Math.min(median, far)).toPrecision(3)),
    images: sortedOthers.length,
    copies: { median, most },
    others: { median: quantile(sortedOthers, 0.5), most: far },
  }
}

/** Of sorted values; the nearest rank. Infinite where there are none. */
function quantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.POSITIVE_INFINITY
  return Math.max(0, sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!)
}
