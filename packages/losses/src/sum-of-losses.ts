import {
  checkOptions,
  definePlugin,
  LookalikeError,
  type Loss,
  type LossInput,
  type LossOutput,
  pluginRef,
  type UnboundLoss,
} from '@lookalike/core'
import * as z from 'zod'
import { type Weight, weightAt, weightSchema } from './weight-schedule.js'

const sumOfLossesOptions = z.strictObject({
  terms: z
    .array(
      z.strictObject({
        loss: pluginRef('loss').describe('A loss.'),
        weight: weightSchema.default(1).describe('Its weight: a number, or a schedule over the run.'),
      }),
    )
    .min(1)
    .describe('The losses to add.'),
})

/** An interface, for it refers to itself: losses are options of a loss. */
export interface SumOfLossesOptions extends z.input<typeof sumOfLossesOptions> {}

export interface SumTerm {
  readonly loss: UnboundLoss
  /** 1 unless given. */
  readonly weight?: Weight | undefined
}

type State = Readonly<Record<string, Float32Array | Int32Array>>

/**
 * A weighted sum. Parameters, logs and state of a term carry its name in front: `proxy-anchor.proxies`; a second
 * `proxy-anchor` is `proxy-anchor-2`.
 *
 * @throws when bound: `loss/mixed-inputs` when some terms want labels and others triples.
 */
export function sumOfLosses(terms: readonly SumTerm[]): UnboundLoss {
  const weighted = terms.map(({ loss, weight }) => ({
    loss,
    weight: checkOptions('sum-of-losses', z.strictObject({ weight: weightSchema.default(1) }), { weight }).weight,
  }))
  return {
    async bind(binding) {
      const seen = new Map<string, number>()
      const parts: { loss: Loss; key: string; weight: Weight }[] = []
      for (const { loss: unbound, weight } of weighted) {
        const loss = await unbound.bind(binding)
        const nth = (seen.get(loss.name) ?? 0) + 1
        seen.set(loss.name, nth)
        parts.push({ loss, key: nth === 1 ? loss.name : `${loss.name}-${nth}`, weight })
      }
      const kinds = new Set(parts.map(({ loss }) => loss.input))
      const [input] = kinds
      if (!input || kinds.size > 1) {
        for (const { loss } of parts) loss.dispose()
        throw new LookalikeError('loss/mixed-inputs', {
          problem: `A sum of ${parts.map(({ loss }) => `${loss.name} (${loss.input})`).join(', ') || 'nothing'}`,
          expected: 'at least one loss, all on labels or all on triples',
        })
      }
      const engines = [...new Set(parts.map(({ loss }) => loss.engine).filter((engine) => engine !== undefined))]

      return {
        specVersion: 'v1',
        name: parts.map(({ key }) => key).join('+'),
        input,
        engine: engines.join('; ') || undefined,
        parameters: parts.flatMap(({ loss, key }) =>
          loss.parameters.map((parameter) => ({ ...parameter, name: `${key}.${parameter.name}` })),
        ),
        async compute(batch: LossInput): Promise<LossOutput> {
          let value = 0
          let embeddings: Float32Array | undefined
          const parameters: Record<string, Float32Array> = {}
          const logs: Record<string, number> = {}
          for (const { loss, key, weight: schedule } of parts) {
            const term = await loss.compute(batch)
            const weight = weightAt(schedule, batch.step, batch.totalSteps)
            value += weight * term.value
            const gradient = term.gradients.embeddings
            embeddings ??= new Float32Array(gradient.length)
            for (let i = 0; i < gradient.length; i++) embeddings[i]! += weight * gradient[i]!
            for (const [name, gradient] of Object.entries(term.gradients.parameters)) {
              parameters[`${key}.${name}`] = weight === 1 ? gradient : gradient.map((g) => weight * g)
            }
            logs[`${key}/value`] = term.value
            logs[`${key}/weight`] = weight
            for (const [name, number] of Object.entries(term.logs)) logs[`${key}.${name}`] = number
          }
          return { value, gradients: { embeddings: embeddings!, parameters }, logs }
        },
        state() {
          const state: Record<string, Float32Array | Int32Array> = {}
          for (const { loss, key } of parts) {
            for (const [name, array] of Object.entries(loss.state?.() ?? {})) state[`${key}.${name}`] = array
          }
          return state
        },
        restore(state: State) {
          for (const { loss, key } of parts) {
            const own = Object.entries(state).filter(([name]) => name.startsWith(`${key}.`))
            loss.restore?.(Object.fromEntries(own.map(([name, array]) => [name.slice(key.length + 1), array])))
          }
        },
        dispose() {
          for (const { loss } of parts) loss.dispose()
        },
      } satisfies Loss
    },
  }
}

export const sumOfLossesPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'loss',
  name: 'sum-of-losses',
  description: 'A weighted sum of losses; weights may follow a schedule.',
  options: sumOfLossesOptions,
  create: async ({ terms }, context) =>
    sumOfLosses(
      await Promise.all(terms.map(async ({ loss, weight }) => ({ loss: await context.create('loss', loss), weight }))),
    ),
})

declare module '@lookalike/core' {
  interface LossPlugins {
    'sum-of-losses': SumOfLossesOptions
  }
}
