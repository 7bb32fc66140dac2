import { resolve } from 'node:path'
import { definePlugin } from '@lookalike/core'
import * as z from 'zod'
import { createOnnxEncoder } from '../create-onnx-encoder.js'
import { POOLINGS } from '../network/pooling.js'
import { normalise, openingOf, preprocessing, projection, running } from './option-schemas.js'

const options = z.strictObject({
  model: z.string().min(1).describe('Path of the ONNX file, from the config file.'),
  name: z.string().min(1).exactOptional().describe("For people, and part of the space. Default: the file's name."),
  input: z.string().min(1).exactOptional().describe('The input for the pixels. Default: the one with four dimensions.'),
  output: z
    .string()
    .min(1)
    .exactOptional()
    .describe(
      'The output to read, or any tensor inside. Default: embedding, image_embeds, pooler_output or last_hidden_state, else the only one that does not look like class scores.',
    ),
  pooling: z
    .enum(POOLINGS)
    .exactOptional()
    .describe(
      'Of tokens: class-token, mean (of the patches) or distilled-mean; of pictures: mean; of vectors: none. Must be said for tokens.',
    ),
  prefixTokens: z
    .int()
    .min(0)
    .max(64)
    .exactOptional()
    .describe('Leading tokens that are no patches, which mean leaves out. Default: 1.'),
  projection,
  normalise,
  preprocessing: preprocessing.describe(
    "Default: from the model's metadata, else from a preprocessor_config.json beside it.",
  ),
  ...running,
})
export type OnnxPluginOptions = z.input<typeof options>

export const onnx = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'onnx',
  description: 'Any ONNX file that takes images, with pooling, projection and norm.',
  options,
  create: ({ model, projection: layer, ...rest }, context) =>
    createOnnxEncoder({
      ...openingOf(context),
      ...rest,
      model: resolve(context.folder, model),
      projection: layer && { seed: context.seed, ...layer },
    }),
})
