import {
  checkLossBinding,
  checkLossInput,
  checkLossTriples,
  checkOptions,
  createRandom,
  definePlugin,
  type Loss,
  type LossOutput,
  type LossTriple,
  type UnboundLoss,
} from '@lookalike/core'
import { z } from 'zod'
import { CONTEXT_LOSS, type ContextLossOptions, contextLoss, withSwapped } from './context-loss.js'
import { cosineLoss } from './cosine-loss.js'

const contextOptions = z.strictObject({
  marginWeight: z.number().min(0).default(CONTEXT_LOSS.marginWeight).describe('Weight of the margin term. Paper: 0.1.'),
  margin: z.number().min(0).default(CONTEXT_LOSS.margin).describe('The smallest margin. Paper: 0.2.'),
  marginPerClass: z
    .number()
    .min(0)
    .default(CONTEXT_LOSS.marginPerClass)
    .describe('Margin for each step between the classes of the two images. Paper: 0.2.'),
})

const cosineOptions = z.strictObject({
  temperature: z.number().positive().default(0.1).describe('In units of cosine (ours).'),
})

/** The paper's loss of a context: a classifier on the three embeddings, which belongs to the loss, and a margin. Every triple counts both ways round. */
export function contextTripleLoss(given: z.input<typeof contextOptions> = {}): UnboundLoss {
  const options: ContextLossOptions = checkOptions('context', contextOptions, given)
  return {
    async bind({ dim, seed }) {
      checkLossBinding('context', { dim })
      const random = createRandom(seed)
      const weight = Float32Array.from({ length: 6 * dim }, () => random.normal() / Math.sqrt(3 * dim))
      const bias = new Float32Array(2)
      return tripleLoss(
        'context',
        dim,
        [
          { name: 'weight', shape: [2, 3 * dim], data: weight, learningRateFactor: 1, decay: false },
          { name: 'bias', shape: [2], data: bias, learningRateFactor: 1, decay: false },
        ],
        ({ embeddings, triples }) => {
          const into = {
            embeddings: new Float32Array(embeddings.length),
            weight: new Float32Array(weight.length),
            bias: new Float32Array(2),
          }
          const { value, crossEntropy, margin } = contextLoss(
            embeddings,
            dim,
            withSwapped(triples),
            { weight, bias },
            into,
            options,
          )
          return {
            value,
            gradients: { embeddings: into.embeddings, parameters: { weight: into.weight, bias: into.bias } },
            logs: { 'context/cross-entropy': crossEntropy, 'context/margin': margin },
          }
        },
      )
    },
  }
}

/** Logistic loss of the difference of the two cosines (ours): the very quantity that an ensemble compares. */
export function cosineTripleLoss(given: z.input<typeof cosineOptions> = {}): UnboundLoss {
  const { temperature } = checkOptions('triple-cosine', cosineOptions, given)
  return {
    async bind({ dim }) {
      checkLossBinding('triple-cosine', { dim })
      return tripleLoss('triple-cosine', dim, [], ({ embeddings, triples }) => {
        const gradient = new Float32Array(embeddings.length)
        const value = cosineLoss(embeddings, dim, triples, temperature, gradient)
        return { value, gradients: { embeddings: gradient, parameters: {} }, logs: {} }
      })
    },
  }
}

interface Batch {
  readonly embeddings: Float32Array
  readonly triples: readonly LossTriple[]
}

function tripleLoss(
  name: string,
  dim: number,
  parameters: Loss['parameters'],
  compute: (batch: Batch) => LossOutput,
): Loss {
  return {
    specVersion: 'v1',
    name,
    input: 'triples',
    parameters,
    compute: async (given) => {
      const input = checkLossInput(name, given, { dim })
      const triples = checkLossTriples(name, input)
      if (triples.length > 0) return compute({ embeddings: input.embeddings, triples })
      return {
        value: 0,
        gradients: {
          embeddings: new Float32Array(input.embeddings.length),
          parameters: Object.fromEntries(parameters.map(({ name: own, data }) => [own, new Float32Array(data.length)])),
        },
        logs: {},
      }
    },
    dispose: () => undefined,
  }
}

export const contextLossPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'context',
  description: 'On triples: a classifier on the three embeddings, and a margin (Liao & Chen 2024).',
  options: contextOptions,
  create: contextTripleLoss,
})

export const cosineLossPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'triple-cosine',
  description: 'On triples: logistic loss of the difference of the two cosines.',
  options: cosineOptions,
  create: cosineTripleLoss,
})

declare module '@lookalike/core' {
  interface LossPlugins {
    context: z.input<typeof contextOptions>
    'triple-cosine': z.input<typeof cosineOptions>
  }
}
