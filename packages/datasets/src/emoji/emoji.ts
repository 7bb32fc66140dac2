import { definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { seedSchema, validationSchema } from '../splits/split-options.js'
import { EMOJI_STYLES } from './emoji-sets.js'
import { loadEmoji } from './load-emoji.js'

const options = z.strictObject({
  protocol: z
    .enum(['all', 'unseen-style', 'asymmetric'])
    .default('all')
    .describe(
      'all: every test image queries all others. unseen-style: two line-art styles are kept from training and query the other seven. ' +
        'asymmetric: the images of all, for a query model that differs from the gallery models',
    ),
  validation: validationSchema,
  seed: seedSchema,
  splits: z
    .array(z.enum(['train', 'validation', 'test']))
    .min(1)
    .default(['train', 'validation', 'test'])
    .describe('Parts to load; the images of other parts are not rendered'),
  training: z
    .strictObject({
      styles: z
        .array(z.enum(EMOJI_STYLES))
        .min(1)
        .exactOptional()
        .describe('Drawing styles to train on. Default: all.'),
      classes: z
        .tuple([z.number().min(0).lt(1), z.number().gt(0).max(1)])
        .refine(([from, to]) => from < to, 'The second number must be above the first')
        .exactOptional()
        .describe(
          'Which classes to train on: from and to as shares of the training classes, sorted by code point. Default: all.',
        ),
    })
    .exactOptional()
    .describe('The part of the training split that is used, for models that differ in their data. Default: all of it.'),
})

declare module '@lookalike/core' {
  interface DatasetPlugins {
    emoji: z.input<typeof options>
  }
}

/** The emoji benchmark as a plugin. */
export const emoji = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'emoji',
  description:
    'The emoji benchmark: 1,642 emoji, each drawn by five to nine designers; train and test classes are disjoint.',
  options,
  create: loadEmoji,
})
