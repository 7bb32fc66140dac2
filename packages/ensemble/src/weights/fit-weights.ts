import { LookalikeError } from '@lookalike/core'
import { fitPca, type Pca, projectPca } from '../linear/fit-pca.js'
import { type CredibilityMap, fitCredibilityMap, type MapOptions, weightsAt } from './fit-credibility-map.js'
import { fitGate, type Gate, type GateTriples, predictGate } from './fit-gate.js'
import { fitMlp, MLP_OPTIONS, type Mlp, predictMlp } from './fit-mlp.js'

/** How the members' weights follow from a reference; plain data. */
export type Weights =
  | { readonly kind: 'constant'; readonly values: Float32Array }
  | { readonly kind: 'credibility-map'; readonly pca: Pca; readonly map: CredibilityMap }
  | { readonly kind: 'mlp'; readonly pca: Pca; readonly mlp: Mlp }
  | { readonly kind: 'gate'; readonly pca: Pca; readonly gate: Gate }

export type WeightsOptions =
  | { readonly use: 'uniform' }
  | { readonly use: 'best-single' }
  | ({ readonly use: 'credibility-map' } & MapOptions)
  | { readonly use: 'mlp'; readonly components: number }
  | { readonly use: 'gate'; readonly components: number }

export interface WeightsData {
  /** Features of the validation references, `[references, dim]`. */
  readonly features: Float32Array
  readonly dim: number
  /** acc_k(r), `[references, members]`. */
  readonly accuracies: Float32Array
  readonly members: number
  /** What a gate learns from; the others need the accuracies alone. */
  readonly triples?: GateTriples | undefined
  readonly seed: number | string
}

/** Fits the weights on validation references. Deterministic. @throws `ensemble/features`, `ensemble/few-references` */
export function fitWeights(
  { features, dim, accuracies, members, triples, seed }: WeightsData,
  options: WeightsOptions,
): Weights {
  if (features.length / dim !== accuracies.length / members) {
    throw new LookalikeError('ensemble/features', {
      problem: `${features.length / dim} references have features and ${accuracies.length / members} have accuracies`,
      expected: 'features of every validation reference',
    })
  }
  if (options.use === 'uniform') return constantWeights(new Float32Array(members).fill(1))
  if (options.use === 'best-single') {
    const totals = new Float32Array(members)
    accuracies.forEach((value, at) => (totals[at % members]! += value))
    return constantWeights(totals.map((_, k) => (k === totals.indexOf(Math.max(...totals)) ? 1 : 0)))
  }
  if (options.use === 'credibility-map') {
    const pca = fitPca(features, dim, 2)
    return { kind: 'credibility-map', pca, map: fitCredibilityMap(planar(pca, features), accuracies, members, options) }
  }
  const pca = fitPca(features, dim, options.components)
  if (options.use === 'gate') {
    if (!triples) throw new RangeError('A gate learns from triples, and none were given.')
    return { kind: 'gate', pca, gate: fitGate(projectPca(pca, features), pca.dim, triples, members, seed) }
  }
  return {
    kind: 'mlp',
    pca,
    mlp: fitMlp(projectPca(pca, features), pca.dim, accuracies, members, { ...MLP_OPTIONS, seed }),
  }
}

/** Fixed weights, whatever the reference. @throws `ensemble/zero-weights` */
export function constantWeights(values: Float32Array): Weights {
  const sum = values.reduce((total, value) => total + value, 0)
  if (!(sum > 0) || values.some((value) => !(value >= 0))) throw zeroWeights(values)
  return { kind: 'constant', values: values.map((value) => value / sum) }
}

/** Weights of each reference, `[references, members]`; each row sums to 1. */
export function weightsOf(weights: Weights, features: Float32Array, dim: number): Float32Array {
  const rows = features.length / dim
  if (weights.kind === 'constant') {
    const repeated = new Float32Array(rows * weights.values.length)
    for (let row = 0; row < rows; row++) repeated.set(weights.values, row * weights.values.length)
    return repeated
  }
  if (weights.kind === 'credibility-map') {
    const { members } = weights.map
    const points = planar(weights.pca, features)
    const found = new Float32Array(rows * members)
    for (let row = 0; row < rows; row++)
      found.set(weightsAt(weights.map, points[2 * row]!, points[2 * row + 1]!), row * members)
    return found
  }
  if (weights.kind === 'gate') return predictGate(weights.gate, projectPca(weights.pca, features))
  const { members } = weights.mlp
  // A regressor may leave [0, 1]; a member that is predicted below 0 has no say.
  const predicted = predictMlp(weights.mlp, projectPca(weights.pca, features)).map((value) => Math.max(0, value))
  for (let from = 0; from < predicted.length; from += members) {
    const row = predicted.subarray(from, from + members)
    const sum = row.reduce((total, value) => total + value, 0)
    if (sum > 0) for (let k = 0; k < members; k++) row[k]! /= sum
    else row.fill(1 / members)
  }
  return predicted
}

/** Two coordinates a row, also where all references lie on one line. */
export function planar(pca: Pca, features: Float32Array): Float32Array {
  const projected = projectPca(pca, features)
  if (pca.dim === 2) return projected
  const points = new Float32Array((features.length / pca.inputDim) * 2)
  for (let row = 0; row < points.length / 2; row++) points[2 * row] = pca.dim === 0 ? 0 : projected[row * pca.dim]!
  return points
}

function zeroWeights(values: Float32Array): LookalikeError {
  return new LookalikeError(
    'ensemble/zero-weights',
    {
      problem: `The members' weights are ${[...values].join(', ')}`,
      expected: 'weights of 0 and above, at least one of them above 0',
    },
    { fields: { weights: [...values] } },
  )
}
