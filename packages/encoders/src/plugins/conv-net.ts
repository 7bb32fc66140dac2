import { definePlugin } from '@lookalike/core'
import * as z from 'zod'
import { buildConvNet } from '../builder/build-conv-net.js'
import { createNetworkEncoder } from '../network/create-network-encoder.js'
import { resolvePreprocessing } from '../network/resolve-preprocessing.js'
import { embeddingDim, openingOf, preprocessing, running, seed } from './option-schemas.js'

const options = z.strictObject({
  imageSize: z.int().min(8).max(4096).default(64).describe('Edge of the square input in pixels.'),
  widths: z
    .array(z.int().min(1).max(8192))
    .min(1)
    .max(8)
    .default([48, 96, 192, 256])
    .describe('Channels of each stage; each stage after the first halves the picture.'),
  depths: z
    .array(z.int().min(1).max(64))
    .min(1)
    .max(8)
    .exactOptional()
    .describe('Residual blocks of each stage. Default: one each.'),
  stem: z
    .strictObject({ kernel: z.int().min(1).max(31), stride: z.int().min(1).max(16) })
    .default({ kernel: 3, stride: 2 })
    .describe('The first convolution: edge of its kernel (odd) and its stride, in pixels.'),
  normalisation: z
    .enum(['group', 'weight'])
    .default('group')
    .describe('group: group norm; weight: standardised filters and no norms.'),
  pooling: z
    .enum(['mean', 'flatten'])
    .default('mean')
    .describe('The mean over the places of the last picture, or all of them, which keeps the layout.'),
  embeddingDim: embeddingDim.default(256).describe('Length of the embedding.'),
  seed,
  preprocessing: preprocessing.describe(
    'Default: the whole picture on white, bicubic, mean and standard deviation 0.5.',
  ),
  ...running,
})
export type ConvNetPluginOptions = z.input<typeof options>

export const convNet = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'conv-net',
  description: 'A small residual network with seeded first weights, to be trained from scratch.',
  options,
  async create({ batchSize, threads, providers, ...size }, context) {
    const model = buildConvNet({ seed: context.seed, ...size })
    return createNetworkEncoder('conv-net', model, await resolvePreprocessing(undefined, model, 'conv-net'), {
      ...openingOf(context),
      threads: threads ?? context.threads,
      providers,
      batchSize,
    })
  },
})
