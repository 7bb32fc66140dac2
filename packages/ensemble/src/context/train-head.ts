import { createRandom, LookalikeError } from '@lookalike/core'
import { createOptimizer } from '@lookalike/train'
import { CONTEXT_LOSS, contextLoss, withSwapped, type ContextLossOptions, type RowTriple } from './context-loss.js'

/** `x -> weight x`: `weight` is `[dim, inputDim]`, row-major. Cosine similarity of its outputs is what the ensemble sums. */
export interface Head {
  readonly inputDim: number
  readonly dim: number
  readonly weight: Float32Array
}

export interface TrainHeadOptions {
  readonly epochs: number
  readonly batchSize: number
  readonly learningRate: number
  /** Pulls the head back to the untuned encoder: `weightDecay / 2 * |W - W_0|^2` (ours). */
  readonly weightDecay: number
  readonly loss?: ContextLossOptions
  /**
   * `paper`: the loss above on raw embeddings. `cosine` (ours): `softplus(-(+-)(cos(R,B) - cos(R,A)) / temperature)`, which trains the very
   * quantity that the ensemble compares.
   */
  readonly objective: 'paper' | 'cosine'
  readonly temperature: number
  readonly seed: number | string
  readonly signal?: AbortSignal
}

/**
 * A context-sensitive model as a head on cached features of a frozen encoder. Starts as the identity, so an untrained head is the untuned encoder.
 *
 * @param features row-major `[rows, inputDim]`
 * @throws `ensemble/small-context` when the triples do not fill a batch
 */
export function trainHead(features: Float32Array, inputDim: number, triples: readonly RowTriple[], options: TrainHeadOptions): Head {
  const { epochs, batchSize, learningRate, objective } = options
  if (triples.length < batchSize) throw smallContext(triples.length, batchSize)
  const dim = inputDim
  const weight = identity(dim)
  const start = weight.slice()
  const random = createRandom(`${options.seed}/head`)
  const classifier = { weight: Float32Array.from({ length: 6 * dim }, () => random.normal() / Math.sqrt(3 * dim)), bias: new Float32Array(2) }
  const optimizer = createOptimizer(
    [
      { name: 'weight', shape: [dim, inputDim], data: weight },
      { name: 'classifier', shape: [2, 3 * dim], data: classifier.weight },
      { name: 'bias', shape: [2], data: classifier.bias },
    ],
    { learningRate, weightDecay: 0 },
  )
  const local = new Int32Array(features.length / inputDim)
  for (let epoch = 0; epoch < epochs; epoch++) {
    options.signal?.throwIfAborted()
    const order = random.permutation(triples.length)
    for (let from = 0; from + batchSize <= order.length; from += batchSize) {
      const picked = Array.from(order.subarray(from, from + batchSize), (at) => triples[at]!)
      const rows = [...new Set(picked.flatMap(({ reference, a, b }) => [reference, a, b]))]
      rows.forEach((row, at) => (local[row] = at))
      const batch = picked.map((triple) => ({ ...triple, reference: local[triple.reference]!, a: local[triple.a]!, b: local[triple.b]! }))
      const inputs = gather(features, inputDim, rows)
      const embeddings = applyWeight(inputs, rows.length, weight, inputDim, dim)
      const gradients = { embeddings: new Float32Array(embeddings.length), weight: new Float32Array(6 * dim), bias: new Float32Array(2) }
      if (objective === 'paper') contextLoss(embeddings, dim, withSwapped(batch), classifier, gradients, options.loss ?? CONTEXT_LOSS)
      else cosineLoss(embeddings, dim, batch, options.temperature, gradients.embeddings)
      const byWeight = weightGradient(gradients.embeddings, inputs, rows.length, dim, inputDim)
      if (options.weightDecay > 0) for (let i = 0; i < weight.length; i++) byWeight[i]! += options.weightDecay * (weight[i]! - start[i]!)
      optimizer.step(new Map([['weight', byWeight], ['classifier', gradients.weight], ['bias', gradients.bias]]))
    }
  }
  return { inputDim, dim, weight }
}

/** Outputs of a head, row-major `[rows, dim]`. */
export function applyHead(head: Head, features: Float32Array): Float32Array {
  return applyWeight(features, features.length / head.inputDim, head.weight, head.inputDim, head.dim)
}

/** Logistic loss of the difference of the two cosines; adds its gradient to `into`. Returns the mean. */
export function cosineLoss(embeddings: Float32Array, dim: number, triples: readonly RowTriple[], temperature: number, into: Float32Array): number {
  const cosine = (x: number, y: number) => {
    let [xx, yy, xy] = [1e-12, 1e-12, 0]
    for (let i = 0; i < dim; i++) {
      const [p, q] = [embeddings[x + i]!, embeddings[y + i]!]
      xx += p * p
      yy += q * q
      xy += p * q
    }
    return { xx, yy, norms: Math.sqrt(xx * yy), value: xy / Math.sqrt(xx * yy) }
  }
  const addGradient = (x: number, y: number, { xx, yy, norms, value }: ReturnType<typeof cosine>, factor: number) => {
    for (let i = 0; i < dim; i++) {
      const [p, q] = [embeddings[x + i]!, embeddings[y + i]!]
      into[x + i]! += factor * (q / norms - (value * p) / xx)
      into[y + i]! += factor * (p / norms - (value * q) / yy)
    }
  }
  let sum = 0
  for (const { reference, a, b, target } of triples) {
    const [r, toA, toB] = [reference * dim, a * dim, b * dim]
    const similarA = cosine(r, toA)
    const similarB = cosine(r, toB)
    const logit = (similarB.value - similarA.value) / temperature
    sum += Math.max(logit, 0) + Math.log1p(Math.exp(-Math.abs(logit))) - target * logit
    const byLogit = (1 / (1 + Math.exp(-logit)) - target) / (temperature * triples.length)
    addGradient(r, toB, similarB, byLogit)
    addGradient(r, toA, similarA, -byLogit)
  }
  return sum / triples.length
}

function identity(dim: number): Float32Array {
  const weight = new Float32Array(dim * dim)
  for (let i = 0; i < dim; i++) weight[i * dim + i] = 1
  return weight
}

function gather(features: Float32Array, dim: number, rows: readonly number[]): Float32Array {
  const data = new Float32Array(rows.length * dim)
  rows.forEach((row, at) => data.set(features.subarray(row * dim, (row + 1) * dim), at * dim))
  return data
}

function applyWeight(inputs: Float32Array, rows: number, weight: Float32Array, inputDim: number, dim: number): Float32Array {
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

function weightGradient(byOutput: Float32Array, inputs: Float32Array, rows: number, dim: number, inputDim: number): Float32Array {
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

function smallContext(triples: number, batchSize: number): LookalikeError {
  return new LookalikeError(
    'ensemble/small-context',
    {
      problem: `A context has ${triples} training triples and a batch takes ${batchSize}`,
      expected: 'at least one batch of triples a context',
      fix: 'Gather more triples for it, make fewer and larger contexts, or lower batchSize.',
    },
    { fields: { triples, batchSize } },
  )
}
