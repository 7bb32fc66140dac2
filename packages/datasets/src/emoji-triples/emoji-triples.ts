import { definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { EMOJI_STYLES } from '../emoji/emoji-sets.js'
import { seedSchema } from '../splits/split-options.js'
import { loadEmojiTriples } from './load-emoji-triples.js'

const options = z.strictObject({
  contexts: z.int().min(1).default(8).describe('Contexts, each the triples of one training reference, or of several'),
  triplesPerContext: z.int().min(1).default(1000).describe('Triples of each context'),
  referencesPerContext: z
    .int()
    .min(1)
    .default(1)
    .describe(
      "References of each context: 1 as in the paper; several are of one of CLDR's groups and share its triples",
    ),
  validationReferences: z
    .int()
    .min(0)
    .default(300)
    .describe('References that fit the weights: training emoji that are no context'),
  testReferences: z.int().min(0).default(500).describe('References of the test triples: test emoji'),
  triplesPerReference: z.int().min(1).default(9).describe('Triples of each validation and test reference'),
  minVotes: z.int().min(2).default(8).describe('Votes that a triple needs to count'),
  heldOutLocales: z
    .union([z.int().min(0).max(100), z.array(z.string()).min(1)])
    .default(0)
    .describe(
      'Annotators that no training saw: so many locales, or these, vote on the test triples, and they alone; 0 lets all vote everywhere',
    ),
  styles: z
    .array(z.enum(EMOJI_STYLES))
    .min(1)
    .default(['noto'])
    .describe(
      'Drawing styles that the images are taken from; with several, every triple draws its candidates at random',
    ),
  seed: seedSchema,
})

declare module '@lookalike/core' {
  interface DatasetPlugins {
    'emoji-triples': z.input<typeof options>
  }
}

/** Human semantics of emoji as triples, as a plugin. */
export const emojiTriples = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'emoji-triples',
  description:
    'Which of two emoji is closer to a third, by the keywords that translators of 115 languages wrote; contexts, soft labels.',
  options,
  create: loadEmojiTriples,
})
