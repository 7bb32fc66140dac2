import { definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { missingImagesSchema } from '../check/finish-dataset.js'
import { seedSchema } from '../splits/split-options.js'
import { loadTriples } from './load-triples.js'

const column = (name: string, what: string) => z.string().min(1).default(name).describe(what)

const options = z
  .strictObject({
    file: z.string().min(1).describe('The CSV of triples, or the file of annotation rows'),
    format: z
      .enum(['triples', 'annotations'])
      .default('triples')
      .describe(
        'triples: a CSV with a header. annotations: rows of ref c1 class1 c2 class2 c3 class3, nearest candidate first',
      ),
    columns: z
      .strictObject({
        reference: column('reference', 'The image that the two others are compared with'),
        a: column('a', 'First candidate'),
        b: column('b', 'Second candidate'),
        closer: column('closer', 'a, b or tie; optional where there are votes'),
        context: column('context', 'Optional: the context of the triple'),
        classA: column('class_a', 'Optional: 1 (almost the same) to 5 (irrelevant)'),
        classB: column('class_b', 'Optional: 1 (almost the same) to 5 (irrelevant)'),
        votesA: column('votes_a', 'Optional: votes for a'),
        votesB: column('votes_b', 'Optional: votes for b'),
        split: column('split', 'Optional: train, validation or test'),
      })
      .prefault({})
      .describe('Names of the columns'),
    index: z
      .string()
      .min(1)
      .optional()
      .describe('CSV of the images with the columns path and, optionally, label; without it triples hold paths'),
    ids: z
      .enum(['path', 'row', 'label'])
      .default('path')
      .describe('How triples name images of the index: by path, by row number from 0, or by label'),
    root: z
      .string()
      .min(1)
      .optional()
      .describe('Where image paths start; by default the folder of the index, else of the triples'),
    ties: z.enum(['drop', 'keep']).default('drop').describe('keep gives ties the agreement 0.5'),
    splitBy: z
      .enum(['column', 'reference', 'images'])
      .optional()
      .describe(
        'column: as the file says, and validation is cut from the training references. reference: all triples of a reference go together. ' +
          'images: a triple stays only where its three images are of one part. By default column where the file has one, else reference',
      ),
    validation: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Share of the references or images for validation, 0 to 1'),
    test: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Share of the references or images for test, 0 to 1; not used with column'),
    seed: seedSchema,
    contexts: z
      .union([z.enum(['column', 'reference']), z.int().min(1)])
      .default('column')
      .describe('Contexts of the training triples: as the file says, one a reference, or so many groups of references'),
    missingImages: missingImagesSchema,
  })
  .refine(({ validation, test }) => validation + test <= 1, {
    message: 'validation and test together must not exceed 1',
    path: ['test'],
  })
  .refine(({ ids, index }) => ids === 'path' || index !== undefined, {
    message: 'row numbers and labels need the option index',
    path: ['ids'],
  })

declare module '@lookalike/core' {
  interface DatasetPlugins {
    triples: z.input<typeof options>
  }
}

/** Triples of images as a plugin. */
export const triples = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'triples',
  description:
    'Which of A and B is closer to R: triples from a CSV, with votes, contexts and splits, or from annotation rows.',
  options,
  create: loadTriples,
})
