import type { EncoderTrial } from '@lookalike/pipeline'

export interface Proposal {
  readonly what: 'good-enough' | 'encoder' | 'larger-encoder' | 'head'
  /** One sentence or two, for people. */
  readonly text: string
}

/** From so large a share on, what is left to gain is within the error of so few images. */
const GOOD = 0.95
/** Classes and images from which on training a head gained where it was measured: bench/results/small-shops.md. */
const HEAD_CLASSES = 14
const HEAD_IMAGES = 300

/** What to try next, from what a few images showed. The first encoder is the default. */
export function proposals({ encoders, all }: EncoderTrial): readonly Proposal[] {
  const [first, ...others] = encoders
  const better = others.find(({ clearlyBest }) => clearlyBest)
  const most = Math.max(...encoders.map(({ recall }) => recall))
  return [
    ...(better === undefined
      ? []
      : [
          {
            what: 'encoder' as const,
            text: `${better.name} did clearly better than ${first!.name} here: write "encoder: ${better.name}" into the config.`,
          },
        ]),
    ...(most >= GOOD
      ? [{ what: 'good-enough' as const, text: 'That is good enough to begin with: index, and search.' }]
      : [
          {
            what: 'larger-encoder' as const,
            text: 'A larger encoder sees more details. Where a model hub can be reached: lookalike evaluate --encoder=dinov2',
          },
        ]),
    ...(most < GOOD && all.classes >= HEAD_CLASSES && all.images >= HEAD_IMAGES
      ? [
          {
            what: 'head' as const,
            text: `${all.classes} classes and ${all.images} images are enough to train a head on the encoder, in seconds. Write "train: { use: head, loss: sup-con }" and, for the dataset, "test: 0.3" into the config, then: lookalike train`,
          },
        ]
      : []),
  ]
}
