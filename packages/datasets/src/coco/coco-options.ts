import { z } from 'zod'
import { missingImagesSchema } from '../check/finish-dataset.js'
import { seedSchema } from '../splits/split-options.js'

const file = (what: string) => z.string().min(1).optional().describe(what)
const share = z.number().min(0).max(1)

export const cocoOptions = z
  .strictObject({
    file: file('One annotation file, cut into splits by class'),
    train: file('The annotation file of the training images'),
    validation: file('The annotation file of the validation images'),
    test: file('The annotation file of the test images'),
    root: z
      .string()
      .min(1)
      .optional()
      .describe("Where file names start, and what they may not leave; by default each annotation file's folder"),
    boxes: z
      .boolean()
      .default(true)
      .describe('One item an annotation, cropped to its box; false: one item an image, with all its labels'),
    validationShare: share.default(0).describe('With file: share of the classes for validation, 0 to 1'),
    testShare: share
      .default(0.5)
      .describe('With file: share of the classes for test, 0 to 1; 1 when nothing is trained'),
    seed: seedSchema,
    missingImages: missingImagesSchema,
  })
  .refine(
    (given) =>
      (given.file === undefined) !==
      (given.train === undefined && given.validation === undefined && given.test === undefined),
    {
      message: 'give file, or files by split: train, validation, test',
      path: ['file'],
    },
  )

export type CocoOptions = z.infer<typeof cocoOptions>
