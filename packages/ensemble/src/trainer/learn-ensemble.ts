import { LookalikeError } from '@lookalike/core'
import { hits, meanOf, memberGaps, referenceAccuracies } from '../context/member-gaps.js'
import type { RowTriple } from '../context/context-loss.js'
import { fitFeatureMap, type FeatureMap } from '../context/prepare-features.js'
import { applyHead, trainHead, type TrainHeadOptions } from '../context/train-head.js'
import { fitWeights, type Weights, type WeightsOptions } from '../weights/fit-weights.js'
import type { EnsembleMember } from '../combiner/ensemble-model.js'

export interface LearnOptions extends TrainHeadOptions {
  readonly components: number
  readonly centred: boolean
}

/** A context's triples, cut as the paper cuts them: the first two thirds train, the rest measures local accuracy. */
export function cutContext(triples: readonly RowTriple[]): { readonly train: readonly RowTriple[]; readonly held: readonly RowTriple[] } {
  const cut = Math.floor((triples.length * 2) / 3)
  return { train: triples.slice(0, cut), held: triples.slice(cut) }
}

/** Feature map over the images that `rows` names. */
export function learnFeatures(embeddings: Float32Array, inputDim: number, rows: Iterable<number>, options: Pick<LearnOptions, 'components' | 'centred'>): FeatureMap {
  const picked = [...rows]
  const data = new Float32Array(picked.length * inputDim)
  picked.forEach((row, at) => data.set(embeddings.subarray(row * inputDim, (row + 1) * inputDim), at * inputDim))
  return fitFeatureMap(data, inputDim, options.components, options.centred)
}

/** One context-sensitive model. */
export function learnMember(context: string, features: Float32Array, dim: number, triples: readonly RowTriple[], options: LearnOptions): EnsembleMember {
  const { train, held } = cutContext(triples)
  const head = trainHead(features, dim, train, { ...options, seed: `${options.seed}/${context}` })
  const gaps = memberGaps(applyHead(head, features), head.dim, held)
  return { context, head, localAccuracy: meanOf(hits(gaps, held)) }
}

/** Weights of the members, from validation triples alone. @throws `ensemble/no-validation` */
export function learnWeights(
  members: readonly EnsembleMember[],
  features: Float32Array,
  dim: number,
  validation: readonly RowTriple[],
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
  const { references, accuracies } = referenceAccuracies(members.map(({ head }) => memberGaps(applyHead(head, features), head.dim, validation)), validation)
  const own = new Float32Array(references.length * dim)
  references.forEach((row, at) => own.set(features.subarray(row * dim, (row + 1) * dim), at * dim))
  return fitWeights({ features: own, dim, accuracies, members: members.length, seed }, options)
}

