import type { PluginContext } from '@lookalike/core'
import { preprocessingChangesSchema } from '@lookalike/image'
import { providersSchema } from '@lookalike/onnx'
import * as z from 'zod'
import type { Opening } from '../network/open-network.js'

/** Options that several encoders share, with their descriptions. */
export const running = {
  batchSize: z
    .int()
    .min(1)
    .max(4096)
    .exactOptional()
    .describe('Images that go through the model at once. Default: 8 at 224 x 224 pixels, more of smaller ones.'),
  threads: z
    .int()
    .min(1)
    .max(256)
    .exactOptional()
    .describe('Threads of the runtime. Default: those of the run, else the number of cores.'),
  providers: providersSchema.exactOptional().describe('Where to run, first choice first. Default: the CPU.'),
}

/** What the run says about how networks are opened, for plugins whose own options do not. */
export function openingOf({ threads, cacheFolder, warn }: PluginContext): Opening {
  return { threads, cacheFolder, onWarning: warn }
}

export const projection = z
  .strictObject({
    dim: z.int().min(1).max(65_536).describe('Length of the new embedding.'),
    seed: z.int().exactOptional().describe("Of the first weights. Default: the run's seed."),
  })
  .exactOptional()
  .describe('A new linear layer on top, with orthogonal first weights: to be trained.')

export const normalise = z.boolean().exactOptional().describe('L2-normalise the embedding. Default: true.')

export const preprocessing = preprocessingChangesSchema.exactOptional()

export const seed = z.int().exactOptional().describe("Of the first weights. Default: the run's seed.")

export const embeddingDim = z.int().min(1).max(65_536)
