import { type ArrayState, LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { adamWStep } from './adamw-kernel.js'
import { clipValues, gradientNorm } from './clip-gradients.js'
import type { Parameter } from './parameter.js'

export const optimizerSchema = z.strictObject({
  learningRate: z.number().positive().default(1e-3).describe('Highest learning rate; the schedule lowers it.'),
  weightDecay: z
    .number()
    .min(0)
    .default(1e-4)
    .describe('Decoupled weight decay (AdamW). Not on biases, norms, tokens and positional embeddings.'),
  beta1: z.number().min(0).lt(1).default(0.9).describe('Memory of the mean gradient, 0 to 1.'),
  beta2: z.number().min(0).lt(1).default(0.999).describe('Memory of the mean squared gradient, 0 to 1.'),
  epsilon: z.number().positive().default(1e-8).describe('Keeps the division safe.'),
  clipValue: z
    .number()
    .positive()
    .exactOptional()
    .describe('Gradient values are limited to this either way. Default: not.'),
  clipNorm: z
    .number()
    .positive()
    .exactOptional()
    .describe("Longest gradient of the network's weights as one vector; longer ones are scaled down. Default: not."),
})

export type OptimizerOptions = z.input<typeof optimizerSchema>

export interface Optimizer {
  readonly parameters: readonly Parameter[]
  readonly learningRate: number
  /**
   * Updates the parameters that have a gradient; the others stay as they are. Clips the gradients in place. `scale` multiplies the learning
   * rate: what the schedule gives. Resolves to the length of the network's gradient before it was clipped by norm.
   *
   * @throws `train/not-finite` before anything is changed, when a gradient is not finite.
   */
  step(gradients: ReadonlyMap<string, Float32Array>, scale?: number): { readonly norm: number }
  state(): ArrayState
  restore(state: ArrayState): void
}

/**
 * AdamW on arrays of any origin: a network's weights, a loss's proxies.
 *
 * @example
 * const optimizer = createOptimizer([{ name: 'w', shape: [2], data: weights }], { learningRate: 0.01 })
 * optimizer.step(new Map([['w', gradient]]))
 */
export function createOptimizer(parameters: readonly Parameter[], options: OptimizerOptions = {}): Optimizer {
  const { learningRate, weightDecay, beta1, beta2, epsilon, clipValue, clipNorm } = optimizerSchema.parse(options)
  const moments = new Map(
    parameters.map(({ name, data }) => [
      name,
      { m: new Float32Array(data.length), v: new Float32Array(data.length), count: 0 },
    ]),
  )

  return {
    parameters,
    learningRate,
    step(gradients, scale = 1) {
      const given = parameters.flatMap((parameter) => {
        const gradient = gradients.get(parameter.name)
        return gradient ? [{ parameter, gradient }] : []
      })
      for (const { parameter, gradient } of given) {
        if (gradient.length !== parameter.data.length)
          throw new RangeError(`${parameter.name}: ${gradient.length} gradients for ${parameter.data.length} values`)
      }
      const ofNetwork = given.filter(({ parameter }) => !parameter.ofLoss).map(({ gradient }) => gradient)
      const ofLoss = given.filter(({ parameter }) => parameter.ofLoss)
      if (clipValue !== undefined) clipAll(given, clipValue)
      const norm = gradientNorm(ofNetwork)
      if (!Number.isFinite(norm)) throw notFinite(given)
      for (const entry of ofLoss) if (!Number.isFinite(gradientNorm([entry.gradient]))) throw notFinite([entry])
      const shorten = clipNorm !== undefined && norm > clipNorm ? clipNorm / norm : 1
      for (const { parameter, gradient } of given) {
        const moment = moments.get(parameter.name)!
        moment.count++
        const rate = learningRate * scale * (parameter.learningRateFactor ?? 1)
        adamWStep(parameter.data, gradient, moment.m, moment.v, {
          learningRate: rate,
          shrink: parameter.decay === false ? 1 : 1 - rate * weightDecay,
          beta1,
          beta2,
          epsilon,
          gradientScale: parameter.ofLoss ? 1 : shorten,
          count: moment.count,
        })
      }
      return { norm }
    },
    state: () =>
      Object.fromEntries(
        [...moments].flatMap(([name, { m, v, count }]) => [
          [`m/${name}`, m],
          [`v/${name}`, v],
          [`count/${name}`, Int32Array.of(count)],
        ]),
      ),
    restore(state) {
      for (const [name, moment] of moments) {
        const [m, v, count] = ['m', 'v', 'count'].map((part) => state[`${part}/${name}`])
        if (m?.length !== moment.m.length || v?.length !== moment.v.length || count?.length !== 1) {
          throw new LookalikeError(
            'train/checkpoint-mismatch',
            {
              problem: `The checkpoint's optimizer has no moments of ${moment.m.length} values for ${name}`,
              expected: 'a checkpoint of the same network',
            },
            { fields: { parameter: name } },
          )
        }
        moment.m.set(m)
        moment.v.set(v)
        moment.count = count[0]!
      }
    },
  }
}

type Given = readonly { readonly parameter: Parameter; readonly gradient: Float32Array }[]

/** A clipped infinity would pass as a gradient. */
function clipAll(given: Given, limit: number): void {
  for (const entry of given) if (!Number.isFinite(gradientNorm([entry.gradient]))) throw notFinite([entry])
  clipValues(
    given.map(({ gradient }) => gradient),
    limit,
  )
}

function notFinite(given: Given): LookalikeError {
  const bad = given.find(({ gradient }) => !Number.isFinite(gradientNorm([gradient])))?.parameter.name
  return new LookalikeError(
    'train/not-finite',
    {
      problem: bad === undefined ? 'The gradient is too long to be measured' : `The gradient of ${bad} is not finite`,
      expected: 'finite numbers',
    },
    { fields: { parameter: bad } },
  )
}
