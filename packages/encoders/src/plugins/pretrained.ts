import { definePlugin, type PluginContext } from '@lookalike/core'
import * as z from 'zod'
import { createPretrainedEncoder } from '../create-pretrained-encoder.js'
import { DTYPES, FAMILIES, type Family } from '../presets/families.js'
import { normalise, openingOf, preprocessing, projection, running } from './option-schemas.js'

const optionsOf = ({ defaultModel, pooling }: Family) =>
  z.strictObject({
    model: z
      .string()
      .min(1)
      .default(defaultModel)
      .describe('A repository on the model hub (owner/name), or a folder laid out like one, from the config file.'),
    dtype: z.enum(DTYPES).default('fp32').describe('Which variant of the weights.'),
    pooling: z
      .enum(['class-token', 'mean', 'distilled-mean'])
      .exactOptional()
      .describe(`How tokens become a vector. Default: ${pooling}.`),
    projection,
    normalise,
    preprocessing: preprocessing.describe("Default: from the repository's preprocessor_config.json."),
    revision: z.string().min(1).exactOptional().describe('Branch, tag or commit on the hub. Default: main.'),
    baseUrl: z
      .url()
      .exactOptional()
      .describe('Address of the hub. Default: HF_ENDPOINT of the environment, else https://huggingface.co.'),
    offline: z
      .boolean()
      .optional()
      .describe('Use the caches alone, never the network. Default: as HF_HUB_OFFLINE says, else false.'),
    retries: z
      .int()
      .min(0)
      .max(20)
      .default(3)
      .describe('How often a request that failed for a passing reason is tried again.'),
    ...running,
  })
export type PretrainedPluginOptions = z.input<ReturnType<typeof optionsOf>>

/** One plugin for each family of pretrained models. */
export const pretrained = FAMILIES.map((family) =>
  definePlugin({
    specVersion: 'v1',
    kind: 'encoder',
    name: family.name,
    description: family.description,
    options: optionsOf(family),
    create: ({ projection: layer, ...options }, context: PluginContext) =>
      createPretrainedEncoder({
        ...openingOf(context),
        ...options,
        family: family.name,
        folder: context.folder,
        cacheFolder: context.cacheFolder,
        signal: context.signal,
        projection: layer && { seed: context.seed, ...layer },
      }),
  }),
)
