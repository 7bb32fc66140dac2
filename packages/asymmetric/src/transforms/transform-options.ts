import { scheduleSchema } from '@lookalike/train'
import { z } from 'zod'

const weight = z.number().min(0)

/** Of least squares, also where a learned transform starts. */
export const RIDGE = 1e-4

const learned = {
  similarity: weight.default(1).describe('Weight of 1 - cos(transformed, query embedding).'),
  divergence: weight
    .default(0.05)
    .describe("Weight of the KL divergence between the branches' class distributions; needs labels."),
  classification: weight
    .default(0.05)
    .describe("Weight of the shared head's cross-entropy on both branches; needs labels."),
  scale: z.number().positive().default(16).describe('What the shared head multiplies cosines by.'),
  epochs: z.int().min(1).default(30).describe('Passes over the embeddings at most.'),
  batchSize: z.int().min(2).default(256).describe('Images a step.'),
  learningRate: z.number().positive().default(5e-3).describe('Highest learning rate of AdamW.'),
  weightDecay: z.number().min(0).default(1e-4).describe('Decoupled weight decay.'),
  schedule: scheduleSchema,
  heldOut: z
    .number()
    .min(0)
    .lt(1)
    .default(0.1)
    .describe('Share of the images held out to stop by; 0 stops by the training images.'),
  patience: z.int().min(1).default(4).describe('Epochs without a lower held-out loss after which training stops.'),
}

export const transformSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('residual-bottleneck'),
      paths: z.int().min(1).max(64).default(4).describe('Parallel paths.'),
      width: z.int().min(1).max(4096).default(16).describe('Dimensions of a path.'),
      front: z
        .enum(['always', 'when-needed'])
        .default('always')
        .describe(
          'The linear map in front of the block: always, or only when the dimensions differ. It starts from the least-squares map.',
        ),
      ...learned,
    }),
    z.strictObject({
      kind: z.literal('mlp'),
      hidden: z.array(z.int().min(1)).min(1).default([512]).describe('Widths of the hidden layers.'),
      ...learned,
    }),
    z.strictObject({ kind: z.literal('procrustes') }),
    z.strictObject({
      kind: z.literal('linear'),
      ridge: z
        .union([z.number().positive(), z.array(z.number().positive()).min(2)])
        .default(RIDGE)
        .describe(
          'Penalty on the weights, times the number of images. Of several, the one with which most pairs of a held-out fifth of the images find each other.',
        ),
    }),
  ])
  .default({
    kind: 'residual-bottleneck',
    paths: 4,
    width: 16,
    front: 'always',
    similarity: 1,
    divergence: 0.05,
    classification: 0.05,
    scale: 16,
    epochs: 30,
    batchSize: 256,
    learningRate: 5e-3,
    weightDecay: 1e-4,
    schedule: { shape: 'cosine', final: 0, warmUp: 0 },
    heldOut: 0.1,
    patience: 4,
  })
  .describe(
    'How a gallery model is mapped: residual-bottleneck, mlp, procrustes (closed form) or linear (least squares).',
  )

export type TransformOptions = z.input<typeof transformSchema>
