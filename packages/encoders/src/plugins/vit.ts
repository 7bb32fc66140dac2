import { resolve } from 'node:path'
import { definePlugin } from '@lookalike/core'
import * as z from 'zod'
import { buildVit } from '../builder/build-vit.js'
import { createNetworkEncoder } from '../network/create-network-encoder.js'
import { resolvePreprocessing } from '../network/resolve-preprocessing.js'
import { loadVitWeights } from '../weights/load-vit-weights.js'
import { embeddingDim, openingOf, preprocessing, running, seed } from './option-schemas.js'

const options = z.strictObject({
  imageSize: z.int().min(8).max(4096).default(224).describe('Edge of the square input in pixels.'),
  patchSize: z.int().min(1).max(512).default(16).describe('Edge of a patch in pixels; divides imageSize.'),
  dim: z.int().min(1).max(8192).default(192).describe('Length of a token.'),
  depth: z.int().min(1).max(128).default(12).describe('Number of blocks.'),
  heads: z.int().min(1).max(128).default(3).describe('Attention heads; divide dim.'),
  mlpRatio: z.number().positive().max(16).default(4).describe("Width of a block's MLP as a multiple of dim."),
  distillation: z.boolean().default(false).describe("DeiT's distillation token beside the class token."),
  registers: z.int().min(0).max(64).default(0).describe('Number of register tokens.'),
  stem: z
    .enum(['patch', 'conv'])
    .default('patch')
    .describe('patch: one linear map of each patch; conv: 3 x 3 convolutions, which train better from scratch.'),
  pooling: z.enum(['class-token', 'mean']).default('class-token').describe('What is read out.'),
  embeddingDim: embeddingDim
    .exactOptional()
    .describe('Length of the embedding, made by a linear head. Default: no head.'),
  epsilon: z
    .number()
    .positive()
    .default(1e-6)
    .describe("Layer norm's epsilon: 1e-6 as in timm, 1e-12 as in Hugging Face's ViT."),
  weights: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Pretrained weights of the same size: a .safetensors or .onnx file, from the config file.'),
  positions: z
    .enum(['exact', 'resize'])
    .default('exact')
    .describe('resize: interpolates position embeddings of weights made for another image size.'),
  seed,
  preprocessing: preprocessing.describe(
    'Default: short edge to imageSize, centre crop, bicubic, mean and standard deviation 0.5.',
  ),
  ...running,
})
export type VitPluginOptions = z.input<typeof options>

export const vit = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'vit',
  description: 'A vision transformer or DeiT of any size, with seeded first weights or pretrained ones.',
  options,
  async create({ weights, positions, batchSize, threads, providers, ...size }, context) {
    const { folder, seed: runSeed } = context
    const network = buildVit({ seed: runSeed, ...size })
    const model =
      weights === undefined ? network : (await loadVitWeights(network, resolve(folder, weights), { positions })).model
    return createNetworkEncoder('vit', model, await resolvePreprocessing(undefined, model, 'vit'), {
      ...openingOf(context),
      threads: threads ?? context.threads,
      providers,
      batchSize,
    })
  },
})
