import { type LossTriple, pickRows } from '@lookalike/core'
import { type MemberNetwork, type TrainMemberOptions, trainMember } from './train-member.js'

/** `x -> weight x`: `weight` is `[dim, inputDim]`, row-major. Cosine similarity of its outputs is what the ensemble sums. */
export interface Head {
  readonly inputDim: number
  readonly dim: number
  readonly weight: Float32Array
}

/**
 * A context-sensitive model as a head on cached features of a frozen encoder. Starts as the identity, so an untrained head is the untuned encoder.
 *
 * @param features row-major `[rows, inputDim]`
 * @returns undefined when the signal aborted
 * @throws `ensemble/small-context` when the triples do not fill a batch
 */
export async function trainHead(
  features: Float32Array,
  inputDim: number,
  triples: readonly LossTriple[],
  options: TrainMemberOptions,
): Promise<Head | undefined> {
  const head: Head = { inputDim, dim: inputDim, weight: identity(inputDim) }
  const end = await trainMember(headNetwork(head, features), triples, options)
  return end === 'finished' ? head : undefined
}

/** Outputs of a head, row-major `[rows, dim]`. */
export function applyHead(head: Head, features: Float32Array): Float32Array {
  return applyWeight(features, features.length / head.inputDim, head.weight, head.inputDim, head.dim)
}

function headNetwork({ inputDim, dim, weight }: Head, features: Float32Array): MemberNetwork {
  return {
    dim,
    parameters: [{ name: 'weight', shape: [dim, inputDim], data: weight }],
    async step(rows, gradientOf) {
      const inputs = pickRows(features, inputDim, rows)
      const byOutput = await gradientOf(applyWeight(inputs, rows.length, weight, inputDim, dim))
      return new Map([['weight', weightGradient(byOutput, inputs, rows.length, dim, inputDim)]])
    },
  }
}

function identity(dim: number): Float32Array {
  const weight = new Float32Array(dim * dim)
  for (let i = 0; i < dim; i++) weight[i * dim + i] = 1
  return weight
}

function applyWeight(
  inputs: Float32Array,
  rows: number,
  weight: Float32Array,
  inputDim: number,
  dim: number,
): Float32Array {
  const outputs = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < dim; o++) {
      let sum = 0
      for (let i = 0; i < inputDim; i++) sum += weight[o * inputDim + i]! * inputs[row * inputDim + i]!
      outputs[row * dim + o] = sum
    }
  }
  return outputs
}

function weightGradient(
  byOutput: Float32Array,
  inputs: Float32Array,
  rows: number,
  dim: number,
  inputDim: number,
): Float32Array {
  const gradient = new Float32Array(dim * inputDim)
  for (let row = 0; row < rows; row++) {
    for (let o = 0; o < dim; o++) {
      const g = byOutput[row * dim + o]!
      if (g === 0) continue
      for (let i = 0; i < inputDim; i++) gradient[o * inputDim + i]! += g * inputs[row * inputDim + i]!
    }
  }
  return gradient
}
