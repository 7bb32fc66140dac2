import { LookalikeError } from '@lookalike/core'
import type { OnnxModel } from '@lookalike/onnx'
import { z } from 'zod'

/** What a pair model says about itself, in its metadata. */
const pairSpecSchema = z.strictObject({
  version: z.literal(1),
  /** Blocks that each image goes through alone; for networks without blocks `map`. */
  fusion: z.union([z.int().min(0), z.literal('map')]),
  direction: z.enum(['vertical', 'horizontal']),
  /** Whether the encoder's own distance is a term of the logit. */
  stageOne: z.boolean(),
  /** Pixels. */
  width: z.int(),
  /** Pixels. */
  height: z.int(),
  /** `[tokens, dim]` of one image, as they are cached. */
  tokens: z.tuple([z.int(), z.int()]),
  /** Length of the encoder's embedding, where `stageOne`. */
  embedding: z.int(),
})
export type PairSpec = z.output<typeof pairSpecSchema>

const KEY = 'lookalike.pair'

/** Names inside every pair model: where it can be cut into the part for one image and the part for the pair. */
export const NAMES = {
  query: 'query',
  candidate: 'candidate',
  pixels: 'pair.pixels',
  tokens: 'pair.tokens',
  embeddings: 'pair.embeddings',
  queryTokens: 'pair.query_tokens',
  candidateTokens: 'pair.candidate_tokens',
  queryEmbedding: 'pair.query_embedding',
  candidateEmbedding: 'pair.candidate_embedding',
  hidden: 'pair.hidden',
  logit: 'pair.logit',
  /** The initializer that weighs the encoder's distance in the logit. */
  scale: 'pair.stage_one.scale',
  /** The distance that counts as undecided. */
  middle: 'pair.stage_one.middle',
  different: 'different',
} as const

export const pairEntry = (spec: PairSpec): Record<string, string> => ({ [KEY]: JSON.stringify(spec) })

/** @throws `pair/not-a-pair-model` */
export function readPairSpec(model: OnnxModel, name: string): PairSpec {
  try {
    return pairSpecSchema.parse(JSON.parse(model.metadata[KEY] ?? ''))
  } catch (cause) {
    throw new LookalikeError(
      'pair/not-a-pair-model',
      {
        problem:
          model.metadata[KEY] === undefined
            ? `${name} is not a pair model`
            : `${name} is a pair model of another version`,
        expected: 'the pair.onnx that the trainer "stir" wrote',
        fix: 'Train one: train: { use: "stir" }.',
      },
      { fields: { model: name }, cause },
    )
  }
}
