import { pluginRef } from '@lookalike/core'
import { providersSchema } from '@lookalike/onnx'
import { z } from 'zod'

export const stirTrainingSchema = z.strictObject({
  fusion: z
    .union([z.literal('late'), z.int().min(0)])
    .default('late')
    .describe(
      'Blocks of the encoder that each image goes through alone. 0 is the paper: stacked images, everything trained on pixels. late: the last quarter of the blocks sees the pair and is trained on cached tokens. The number of blocks: only the head sees the pair.',
    ),
  direction: z
    .enum(['vertical', 'horizontal'])
    .default('vertical')
    .describe('With fusion 0: the candidate below the query, or to its right.'),
  stageOne: z
    .boolean()
    .exactOptional()
    .describe("Whether the encoder's own distance is a term of the logit. Default: unless fusion is 0."),
  grid: z
    .int()
    .min(1)
    .exactOptional()
    .describe(
      'For encoders without blocks of their own: the pair is fused at the last feature map with at least so many rows and columns. Default: at the last one.',
    ),
  blocks: z
    .int()
    .min(1)
    .max(12)
    .default(2)
    .describe('New transformer blocks, for encoders without blocks of their own.'),
  dim: z.int().min(64).multipleOf(64).default(192).describe("Length of those blocks' tokens."),
  labels: z
    .int()
    .min(2)
    .default(30)
    .describe('Classes in a batch. With pairs: lists, labels times instances is how many images a batch may have.'),
  instances: z.int().min(2).default(4).describe('Images of each class in a batch.'),
  pairs: z
    .enum(['lists', 'batch'])
    .default('lists')
    .describe(
      'What is trained on. lists: training images with their first topN results among the training images, right and wrong as they come. batch: of each balanced batch, every image with its farthest of the same class and its nearest of another, as in the paper.',
    ),
  search: pluginRef('encoder')
    .exactOptional()
    .describe(
      'What searches, where that is another encoder, such as a lighter one: its results are trained on and judged. Default: the encoder that the pair model is made of.',
    ),
  headEpochs: z.int().min(0).default(3).describe('Epochs in which the new weights alone are trained.'),
  headLearningRate: z.number().positive().default(2e-3).describe('Learning rate of those epochs.'),
  epochs: z.int().min(0).default(10).describe('Epochs in which everything that sees the pair is trained.'),
  learningRate: z
    .number()
    .positive()
    .exactOptional()
    .describe(
      'Highest learning rate of those epochs; it falls to 0 as a cosine. Default: 1e-5 with fusion 0, 2e-3 for new blocks on feature maps, else 2e-4.',
    ),
  dropout: z
    .number()
    .min(0)
    .lt(1)
    .default(0.5)
    .describe("Share of the head's hidden units that are left out at each step."),
  augmentations: z
    .array(pluginRef('augmentation'))
    .exactOptional()
    .describe(
      'What happens to each training image before it is shown, in this order. Default: random-resized-crop to 0.8 to 1 of the area. None, []: with fusion above 0 the tokens are computed once for all epochs.',
    ),
  validation: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.1)
    .describe(
      'Share of the training classes that is held out to choose the best epoch by. Not used where the dataset has a validation split.',
    ),
  topN: z
    .int()
    .min(2)
    .default(5)
    .describe('Candidates of a list: those of the validation figure, and with pairs: lists those of training.'),
  chunk: z.int().min(1).default(32).describe('Pairs that go through the network at once.'),
  providers: providersSchema
    .default(['cpu'])
    .describe('Where forward and backward run, first choice first. Operators that a provider lacks run on the CPU.'),
  checkpointEvery: z.int().min(1).default(50).describe('Steps between two checkpoints.'),
  logEvery: z.int().min(1).default(10).describe('Steps between two lines of the log.'),
})

export type StirTrainingOptions = z.input<typeof stirTrainingSchema>
export type StirTrainingSettings = z.output<typeof stirTrainingSchema>
