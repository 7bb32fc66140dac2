import { LookalikeError, type Split } from '@lookalike/core'
import { type SplitShares, splitLabels } from '../splits/split-labels.js'
import type { RawTriple } from './raw-triple.js'

export type SplitTriplesBy = 'column' | 'reference' | 'images'

export interface SplitTriples {
  readonly triples: readonly (Omit<RawTriple, 'split'> & { readonly split: Split })[]
  /** Triples whose images lie in different parts; only for `images`. */
  readonly dropped: number
}

/** How a file may call the three splits. */
const NAMES: Readonly<Record<string, Split>> = {
  train: 'train',
  val: 'validation',
  validation: 'validation',
  test: 'test',
}

/**
 * Gives each triple its split.
 * - `column`: as the file says; validation references are then cut from the training references.
 * - `reference`: all triples of a reference go together.
 * - `images`: images are cut, and a triple stays only where its three images are of one part. The strictest.
 *
 * @throws `dataset/bad-split` for names of splits that the column must not hold
 */
export function splitTriples(triples: readonly RawTriple[], by: SplitTriplesBy, shares: SplitShares): SplitTriples {
  if (by === 'images') {
    const splits = splitLabels(
      triples.flatMap(({ reference, a, b }) => [reference, a, b]),
      shares,
    )
    const kept = triples.flatMap((triple) => {
      const split = splits.get(triple.reference)!
      return splits.get(triple.a) === split && splits.get(triple.b) === split ? [{ ...triple, split }] : []
    })
    return { triples: kept, dropped: triples.length - kept.length }
  }
  if (by === 'reference') {
    const splits = splitLabels(
      triples.map(({ reference }) => reference),
      shares,
    )
    return { triples: triples.map((triple) => ({ ...triple, split: splits.get(triple.reference)! })), dropped: 0 }
  }
  const named = triples.map((triple) => ({ ...triple, split: splitNamed(triple) }))
  if (!shares.validation) return { triples: named, dropped: 0 }
  const training = named.filter(({ split }) => split === 'train').map(({ reference }) => reference)
  const cut = splitLabels(training, { ...shares, test: 0 })
  return {
    triples: named.map((triple) =>
      triple.split === 'train' ? { ...triple, split: cut.get(triple.reference)! } : triple,
    ),
    dropped: 0,
  }
}

function splitNamed({ split, where }: RawTriple): Split {
  const known = Object.hasOwn(NAMES, split ?? '') ? NAMES[split ?? ''] : undefined
  if (known) return known
  throw new LookalikeError(
    'dataset/bad-split',
    {
      problem: `${where}: the split is ${JSON.stringify(split ?? '')}`,
      expected: 'train, validation (or val) or test',
    },
    { fields: { where, split } },
  )
}
