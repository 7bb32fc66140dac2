import { definePlugin } from '@lookalike/core'
import { budgetBounds, hasBound, NO_BOUND } from '@lookalike/onnx'
import * as z from 'zod'
import { proposeNetwork } from '../builder/propose-network.js'
import { createNetworkEncoder } from '../network/create-network-encoder.js'
import { resolvePreprocessing } from '../network/resolve-preprocessing.js'
import { embeddingDim, openingOf, preprocessing, running, seed } from './option-schemas.js'

const options = z
  .strictObject({
    ...budgetBounds,
    embeddingDim: embeddingDim.default(128).describe('Length of the embedding.'),
    seed,
    preprocessing: preprocessing.describe(
      'Default: the whole picture on white, bicubic, mean and standard deviation 0.5.',
    ),
    ...running,
  })
  .refine(hasBound, NO_BOUND)
export type LightPluginOptions = z.input<typeof options>

export const light = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'light',
  description: 'The largest of our small networks within a budget, with seeded first weights, to be trained.',
  options,
  async create({ batchSize, threads, providers, ...rest }, context) {
    const { model } = await proposeNetwork(rest, { seed: context.seed, ...rest })
    return createNetworkEncoder('light', model, await resolvePreprocessing(undefined, model, 'light'), {
      ...openingOf(context),
      threads: threads ?? context.threads,
      providers,
      batchSize,
    })
  },
})
