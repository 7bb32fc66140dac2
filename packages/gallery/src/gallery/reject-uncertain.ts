import { type Gallery, galleryEntries, LookalikeError } from '@lookalike/core'

/** What stays: images of at most this uncertainty, or this share of the images, the surest first. */
export type RejectionRule = { readonly threshold: number } | { readonly coverage: number }

export interface Rejected {
  /** Images above it are rejected. */
  readonly threshold: number
  /** Ids that were found before and are not any more. */
  readonly rejected: readonly string[]
  /** Ids that were rejected before and are found again. */
  readonly restored: readonly string[]
}

/**
 * Rejects the images that the gallery is least sure of, and takes back those that the rule now accepts. Images without
 * an uncertainty stay as they are.
 *
 * @throws `gallery/coverage` outside (0, 1], `gallery/no-uncertainty` when no image has one.
 */
export async function rejectUncertain(gallery: Gallery, rule: RejectionRule): Promise<Rejected> {
  const known = (await galleryEntries(gallery)).flatMap(({ id, uncertainty, rejected }) =>
    uncertainty === undefined ? [] : [{ id, uncertainty, rejected }],
  )
  if (known.length === 0) {
    throw new LookalikeError('gallery/no-uncertainty', {
      problem: `No image of the gallery ${gallery.name} has an uncertainty`,
      expected: 'a gallery of a model that gives one',
      fix: 'Ensembles of two or more gallery models give an uncertainty; single models do not.',
    })
  }
  const threshold =
    'threshold' in rule
      ? rule.threshold
      : thresholdOf(
          known.map(({ uncertainty }) => uncertainty),
          rule.coverage,
        )
  const changed = known.filter(({ uncertainty, rejected }) => rejected !== uncertainty > threshold)
  await gallery.update(changed.map(({ id, rejected }) => ({ id, rejected: !rejected })))
  return {
    threshold,
    rejected: changed.flatMap(({ id, rejected }) => (rejected ? [] : [id])),
    restored: changed.flatMap(({ id, rejected }) => (rejected ? [id] : [])),
  }
}

function thresholdOf(values: readonly number[], coverage: number): number {
  if (!(coverage > 0 && coverage <= 1)) {
    throw new LookalikeError('gallery/coverage', {
      problem: `A coverage of ${coverage} was asked for`,
      expected: 'a number above 0, at most 1',
    })
  }
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.round(coverage * sorted.length) - 1)]!
}
