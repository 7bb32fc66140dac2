import { z } from 'zod'
import { seedSchema } from '../splits/split-options.js'

const one = z.string().min(1)
const shards = (what: string) =>
  z
    .union([one, z.array(one).min(1)])
    .optional()
    .describe(`${what}: a tar file, several, or a range as in photos-{000..011}.tar`)
const share = z.number().min(0).max(1)

export const webdatasetOptions = z
  .strictObject({
    files: shards('Shards that are cut into splits by class'),
    train: shards('Shards of the training images'),
    validation: shards('Shards of the validation images'),
    test: shards('Shards of the test images'),
    label: one
      .optional()
      .describe(
        'Where the class stands: the ending of a text file (cls), or a key of the .json file. Default: cls, then label, class, labels or classes of the .json file. A list, or several lines, are several labels',
      ),
    validationShare: share.default(0).describe('With files: share of the classes for validation, 0 to 1'),
    testShare: share
      .default(0.5)
      .describe('With files: share of the classes for test, 0 to 1; 1 when nothing is trained'),
    seed: seedSchema,
  })
  .refine(
    ({ files, train, validation, test }) =>
      (files === undefined) !== (train === undefined && validation === undefined && test === undefined),
    { message: 'give files, or shards by split: train, validation, test', path: ['files'] },
  )

export type WebdatasetOptions = z.infer<typeof webdatasetOptions>
