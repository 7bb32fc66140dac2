import { createRandom, LookalikeError } from '@lookalike/core'
import { createOptimizer, type Parameter } from '@lookalike/train'
import { CONTEXT_LOSS, type ContextLossOptions, contextLoss, type RowTriple, withSwapped } from './context-loss.js'
import { cosineLoss } from './cosine-loss.js'

export interface TrainMemberOptions {
  readonly epochs: number
  /** Triples a step. */
  readonly batchSize: number
  readonly learningRate: number
  /** Pulls the weights back to where they start: `weightDecay / 2 * |W - W_0|^2` (ours). */
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

/** What a member trains: images by their rows to embeddings, and back. */
export interface MemberNetwork {
  readonly dim: number
  /** The trained weights; changed in place. */
  readonly parameters: readonly Parameter[]
  /**
   * Embeds images and hands the gradient of a loss on their embeddings, both `[rows.length, dim]`, back to the weights.
   */
  step(
    rows: readonly number[],
    gradientOf: (embeddings: Float32Array) => Float32Array,
  ): Promise<ReadonlyMap<string, Float32Array>>
}

/**
 * Trains one context-sensitive model, whatever it is made of: a head, all weights of an encoder, or low-rank changes of some.
 * An image that a batch holds several times is embedded once.
 *
 * @throws `ensemble/small-context` when the triples do not fill a batch
 */
export async function trainMember(
  network: MemberNetwork,
  triples: readonly RowTriple[],
  options: TrainMemberOptions,
): Promise<void> {
  const { epochs, batchSize, learningRate, weightDecay, objective } = options
  const { dim, parameters } = network
  if (triples.length < batchSize) throw smallContext(triples.length, batchSize)
  const random = createRandom(`${options.seed}/head`)
  const classifier = {
    weight: Float32Array.from({ length: 6 * dim }, () => random.normal() / Math.sqrt(3 * dim)),
    bias: new Float32Array(2),
  }
  const start = weightDecay > 0 ? new Map(parameters.map(({ name, data }) => [name, data.slice()])) : undefined
  const optimizer = createOptimizer(
    [
      ...parameters,
      { name: CLASSIFIER, shape: [2, 3 * dim], data: classifier.weight },
      { name: CLASSIFIER_BIAS, shape: [2], data: classifier.bias },
    ],
    { learningRate, weightDecay: 0 },
  )
  for (let epoch = 0; epoch < epochs; epoch++) {
    const order = random.permutation(triples.length)
    for (let from = 0; from + batchSize <= order.length; from += batchSize) {
      options.signal?.throwIfAborted()
      const picked = Array.from(order.subarray(from, from + batchSize), (at) => triples[at]!)
      const rows = [...new Set(picked.flatMap(({ reference, a, b }) => [reference, a, b]))]
      const local = new Map(rows.map((row, at) => [row, at]))
      const batch = picked.map((triple) => ({
        ...triple,
        reference: local.get(triple.reference)!,
        a: local.get(triple.a)!,
        b: local.get(triple.b)!,
      }))
      const byClassifier = { weight: new Float32Array(6 * dim), bias: new Float32Array(2) }
      const gradients = new Map(
        await network.step(rows, (embeddings) => {
          const into = { embeddings: new Float32Array(embeddings.length), ...byClassifier }
          if (objective === 'paper')
            contextLoss(embeddings, dim, withSwapped(batch), classifier, into, options.loss ?? CONTEXT_LOSS)
          else cosineLoss(embeddings, dim, batch, options.temperature, into.embeddings)
          return into.embeddings
        }),
      )
      if (start)
        for (const { name, data } of parameters) pullBack(gradients.get(name)!, data, start.get(name)!, weightDecay)
      if (objective === 'paper') gradients.set(CLASSIFIER, byClassifier.weight).set(CLASSIFIER_BIAS, byClassifier.bias)
      optimizer.step(gradients)
    }
  }
}

const CLASSIFIER = 'context.classifier.weight'
const CLASSIFIER_BIAS = 'context.classifier.bias'

function pullBack(gradient: Float32Array, weight: Float32Array, start: Float32Array, strength: number): void {
  for (let i = 0; i < gradient.length; i++) gradient[i]! += strength * (weight[i]! - start[i]!)
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
