import { type Encoder, pluginRef, type UnboundLoss } from '@lookalike/core'
import { providersSchema } from '@lookalike/onnx'
import { z } from 'zod'

/** What weights that depend on the reference look at. */
const look = {
  encoder: pluginRef('encoder')
    .exactOptional()
    .describe("An encoder of their own that the weights look at, as in the paper. Default: the run's encoder."),
}
const components = z.int().min(1).default(64).describe('Principal components that it looks at. Paper: 64.')

const weights = z
  .discriminatedUnion('use', [
    z.strictObject({
      use: z.literal('mlp'),
      components,
      ...look,
    }),
    z
      .strictObject({ use: z.literal('gate'), components, ...look })
      .describe('A softmax that is trained on the triples themselves (ours).'),
    z.strictObject({
      use: z.literal('credibility-map'),
      grid: z.int().min(1).max(2000).default(200).describe('Cells a side. Paper: 200.'),
      window: z.int().min(1).default(10).describe('Cells a side of the window. Paper: 10.'),
      mode: z.enum(['threshold', 'average', 'max']).default('threshold').describe('Which members a cell trusts.'),
      threshold: z
        .number()
        .min(0)
        .max(1)
        .default(0.75)
        .describe('Accuracy above which a member is trusted, 0 to 1. Paper: 0.75.'),
      ...look,
    }),
    z.strictObject({ use: z.literal('uniform') }),
    z.strictObject({ use: z.literal('best-single') }),
  ])
  .prefault({ use: 'mlp' })
  .describe('How the weights follow from the reference; fitted on validation triples.')

const member = z
  .discriminatedUnion('use', [
    z.strictObject({ use: z.literal('head') }).describe('A linear head on the cached embeddings of a frozen encoder.'),
    z
      .strictObject({
        use: z.literal('all'),
        freeze: z
          .array(z.string().min(1))
          .default([])
          .describe('Weights that are not trained: names, with * for any characters.'),
      })
      .describe('A copy of the encoder with all weights trained.'),
    z
      .strictObject({
        use: z.literal('lora'),
        rank: z.int().min(1).default(4).describe('Of the trained change. Paper: 4.'),
      })
      .describe('A copy of a vision transformer with low-rank changes of its query and value projections.'),
  ])
  .prefault({ use: 'head' })
  .describe('What a context trains.')

export const contextTrainerSchema = z.strictObject({
  member,
  encoders: z
    .array(pluginRef('encoder'))
    .default([])
    .describe(
      "Further encoders to start from: every context then has a member from the run's encoder and one from each of these (ours). Members of different encoders are less alike.",
    ),
  keep: z
    .enum(['all', 'best'])
    .default('all')
    .describe(
      'Of the members that a context has from several encoders: all of them, or the one with the best accuracy on its held-out triples.',
    ),
  loss: pluginRef('loss')
    .prefault('triple-cosine')
    .describe(
      "A loss on triples. Default (ours): logistic loss of the difference of the cosines that the ensemble compares. The paper's: context.",
    ),
  epochs: z
    .int()
    .min(0)
    .exactOptional()
    .describe('Passes over a context. Default: 6 for heads (ours), 25 for networks (paper).'),
  batchSize: z
    .int()
    .min(1)
    .exactOptional()
    .describe('Triples a step. Default: 32 for heads (ours), 8 for networks (paper).'),
  learningRate: z
    .number()
    .positive()
    .exactOptional()
    .describe('Of Adam. Default: 1e-3 for heads (ours), 1e-5 for all weights and 1e-4 for lora (paper).'),
  weightDecay: z
    .number()
    .min(0)
    .exactOptional()
    .describe('Pulls a member back to the untuned encoder (ours). Default: 3e-3 for heads, 0 for networks.'),
  components: z
    .int()
    .min(1)
    .default(64)
    .describe('Principal components of the embeddings that heads and weights work on (ours).'),
  centred: z.boolean().default(true).describe('Take the mean embedding away first (ours).'),
  softLabels: z.boolean().default(true).describe('Train on the share of votes where the triples have it (ours).'),
  providers: providersSchema
    .default(['cpu'])
    .describe(
      'Where forward and backward of whole networks run, first choice first. Operators that a provider lacks run on the CPU.',
    ),
  merge: z.boolean().default(false).describe('Also write the whole ensemble as one file, ensemble.onnx.'),
  weights,
})

declare module '@lookalike/core' {
  interface TrainerPlugins {
    'context-ensemble': z.input<typeof contextTrainerSchema>
  }
}

export type ContextTrainerOptions = z.output<typeof contextTrainerSchema>

/** The parts that options only name. */
export interface ContextTrainerParts {
  /** A loss on triples, that of the option `loss`. */
  readonly loss: UnboundLoss
  /** Further encoders to start from, those of the option `encoders`. Default: none. */
  readonly encoders?: readonly Encoder[] | undefined
  /** What the weights look at, that of the option `weights.encoder`. Default: the run's encoder. */
  readonly weightsEncoder?: Encoder | undefined
  /** An encoder from an ONNX file that a run wrote, under this name. */
  openNetwork(file: string, name: string): Promise<Encoder>
  /** Processor threads. Default: all. */
  readonly threads?: number | undefined
}
