import { z } from 'zod'
import { missingImagesSchema } from '../check/finish-dataset.js'
import { seedSchema, validationSchema } from '../splits/split-options.js'
import { rowRuleSchema } from './row-rule.js'

const column = (name: string, what: string) => z.string().min(1).default(name).describe(what)

export const csvColumnsSchema = z.strictObject({
  path: column('path', 'Image path, relative to root, or an http address'),
  label: column('label', 'Class'),
  split: column('split', 'train, validation or test; not read when the option splits is given'),
  isQuery: column('is_query', 'Optional: true or false; empty means true'),
  isGallery: column('is_gallery', 'Optional: true or false; empty means true'),
  category: column('category', 'Optional: a coarser class, for figures by category and for sampling'),
  sequence: column('sequence', 'Optional: items of one sequence never answer each other'),
  id: z
    .string()
    .min(1)
    .optional()
    .describe('Unique id; by default the path, with the box behind it where rows have boxes'),
  box: z
    .union([
      z.strictObject({
        unit: z.literal('pixels'),
        left: column('x_1', 'Left edge'),
        right: column('x_2', 'Right edge'),
        top: column('y_1', 'Top edge'),
        bottom: column('y_2', 'Bottom edge'),
      }),
      z.strictObject({
        unit: z.literal('fractions'),
        x: column('x', 'Left edge, 0 to 1'),
        y: column('y', 'Top edge, 0 to 1'),
        width: column('width', '0 to 1'),
        height: column('height', '0 to 1'),
      }),
    ])
    .default({ unit: 'pixels', left: 'x_1', right: 'x_2', top: 'y_1', bottom: 'y_2' })
    .describe(
      'Optional: bounding box, as edges in pixels of the upright image or as fractions of its width and height',
    ),
})

const splitRuleSchema = z.strictObject({
  where: rowRuleSchema,
  query: rowRuleSchema.optional().describe('The rows that are searched for; without it the column is_query, else all'),
  gallery: rowRuleSchema
    .optional()
    .describe('The rows that are searched in; without it the column is_gallery, else all'),
})

export const csvSchema = z.strictObject({
  file: z.string().min(1).describe('The CSV file'),
  root: z
    .string()
    .min(1)
    .optional()
    .describe("Where paths start, and what they may not leave; by default the CSV's folder"),
  columns: csvColumnsSchema.prefault({}).describe('Names of the columns'),
  splits: z
    .strictObject({
      train: splitRuleSchema.optional(),
      validation: splitRuleSchema.optional(),
      test: splitRuleSchema.optional(),
    })
    .optional()
    .describe('Which rows are which split, by the values of columns; rows of none are left out'),
  boxes: z.boolean().default(true).describe('Crop images to their bounding boxes, where the file has them'),
  metadata: z.array(z.string()).default([]).describe('Columns to keep beside each image, for filters'),
  validation: validationSchema,
  seed: seedSchema,
  missingImages: missingImagesSchema,
})

export type CsvOptions = z.infer<typeof csvSchema>
export type CsvColumns = z.infer<typeof csvColumnsSchema>
