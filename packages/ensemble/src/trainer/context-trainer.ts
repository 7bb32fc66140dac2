import path from 'node:path'
import { definePlugin, type Encoder, type PluginContext, pluginRef, type Trainer } from '@lookalike/core'
import { z } from 'zod'
import { openNetwork } from '../combiner/context-combiner.js'
import { trainEnsemble } from './train-ensemble.js'

const weights = z
  .discriminatedUnion('use', [
    z.strictObject({
      use: z.literal('mlp'),
      components: z.int().min(1).default(64).describe('Principal components that it looks at. Paper: 64.'),
    }),
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

const options = z.strictObject({
  member,
  encoders: z
    .array(pluginRef('encoder'))
    .default([])
    .describe(
      "Further encoders to start from: every context then has a member from the run's encoder and one from each of these (ours). Members of different encoders are less alike.",
    ),
  objective: z
    .enum(['cosine', 'paper'])
    .default('cosine')
    .describe(
      'cosine (ours): logistic loss of the difference of the cosines that the ensemble compares. paper: classifier and margin on raw embeddings.',
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
  temperature: z.number().positive().default(0.1).describe('Of the cosine objective, in units of cosine.'),
  components: z
    .int()
    .min(1)
    .default(64)
    .describe('Principal components of the embeddings that heads and weights work on (ours).'),
  centred: z.boolean().default(true).describe('Take the mean embedding away first (ours).'),
  softLabels: z.boolean().default(true).describe('Train on the share of votes where the triples have it (ours).'),
  merge: z.boolean().default(false).describe('Also write the whole ensemble as one file, ensemble.onnx.'),
  weights,
})

declare module '@lookalike/core' {
  interface TrainerPlugins {
    'context-ensemble': z.input<typeof options>
  }
}

export type ContextTrainerOptions = z.output<typeof options>

/** The parts that options only name. */
export interface ContextTrainerParts {
  /** Further encoders to start from, those of the option `encoders`. Default: none. */
  readonly encoders?: readonly Encoder[]
  /** An encoder from an ONNX file that a run wrote, under this name. */
  openNetwork(file: string, name: string): Promise<Encoder>
  /** Processor threads. Default: all. */
  readonly threads?: number
}

export const contextTrainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'context-ensemble',
  description:
    'One model for each context of triples, a head or a fine-tuned encoder, then the weights that tell which one to trust for which query.',
  options,
  create: (settings: ContextTrainerOptions, context) => createPluginTrainer(settings, context),
})

async function createPluginTrainer(settings: ContextTrainerOptions, context: PluginContext): Promise<Trainer> {
  const encoders: Encoder[] = []
  for (const ref of settings.encoders) encoders.push(await context.create('encoder', ref))
  return createContextTrainer(settings, {
    encoders,
    openNetwork: (file, name) => openNetwork(path.resolve(file), name, context),
    ...(context.threads !== undefined && { threads: context.threads }),
  })
}

/** Every context in one run; a context that is done is not trained again on resuming. */
export function createContextTrainer(settings: ContextTrainerOptions, parts: ContextTrainerParts): Trainer {
  return {
    specVersion: 'v1',
    name: 'context-ensemble',
    settings,
    train: (request) => trainEnsemble(settings, parts, request),
  }
}
