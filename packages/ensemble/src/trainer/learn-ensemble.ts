import type { LossTriple } from '@lookalike/core'
import { LookalikeError, pickRows } from '@lookalike/core'
import { hits, meanOf, memberGaps, referenceAccuracies } from '../context/member-gaps.js'
import { type FeatureMap, fitFeatureMap } from '../context/prepare-features.js'
import { fitWeights, type Weights, type WeightsOptions } from '../weights/fit-weights.js'

/** What a member makes of all images, `[rows, dim]`. */
export interface MemberOutputs {
  readonly data: Float32Array
  readonly dim: number
}

/** A context's triples, cut as the paper cuts them: the first two thirds train, the rest measures local accuracy. */
export function cutContext(triples: readonly LossTriple[]): {
  readonly train: readonly LossTriple[]
  readonly held: readonly LossTriple[]
} {
  const cut = Math.floor((triples.length * 2) / 3)
  return { train: triples.slice(0, cut), held: triples.slice(cut) }
}

/** Feature map over the images that `rows` names. */
export function learnFeatures(
  embeddings: Float32Array,
  inputDim: number,
  rows: Iterable<number>,
  options: { readonly components: number; readonly centred: boolean },
): FeatureMap {
  return fitFeatureMap(pickRows(embeddings, inputDim, rows), inputDim, options.components, options.centred)
}

/** Share of triples that a member gets right, 0 to 1. */
export function accuracyOf({ data, dim }: MemberOutputs, triples: readonly LossTriple[]): number {
  return meanOf(hits(memberGaps(data, dim, triples), triples))
}

/**
 * Weights of the members, from validation triples alone.
 *
 * @param features what the weights look at, `[rows, dim]`
 * @throws `ensemble/no-validation`
 */
export function learnWeights(
  members: readonly MemberOutputs[],
  features: Float32Array,
  dim: number,
  validation: readonly LossTriple[],
  options: WeightsOptions,
  seed: number | string,
): Weights {
  if (validation.length === 0) {
    throw new LookalikeError('ensemble/no-validation', {
      problem: 'There are no validation triples, and the weights are fitted on them',
      expected: 'references that belong to no context, with a few triples each',
      fix: 'Set the option validation of the dataset, or weights: { use: uniform }.',
    })
  }
  const gaps = members.map((member) => memberGaps(member.data, member.dim, validation))
  const { references, accuracies } = referenceAccuracies(gaps, validation)
  const places = new Map(Array.from(references, (reference, place) => [reference, place]))
  const triples = {
    rows: Int32Array.from(validation, ({ reference }) => places.get(reference)!),
    gaps: Float32Array.from(
      { length: validation.length * gaps.length },
      (_, at) => gaps[at % gaps.length]![Math.floor(at / gaps.length)]!,
    ),
    targets: Float32Array.from(validation, ({ target }) => target),
  }
  return fitWeights(
    { features: pickRows(features, dim, references), dim, accuracies, members: members.length, triples, seed },
    options,
  )
}
