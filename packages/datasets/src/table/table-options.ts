import { z } from 'zod'
import { missingImagesSchema } from '../check/finish-dataset.js'
import { seedSchema, validationSchema } from '../splits/split-options.js'
import { SEPARATORS } from './find-separator.js'
import { rowRuleSchema } from './row-rule.js'

/** What columns are called where the options do not say, first choice first. Case does not matter. */
export const USUAL_COLUMNS = {
  path: ['path', 'file_name', 'filename', 'image_path', 'image', 'file'],
  label: ['label', 'labels', 'class', 'class_name'],
  split: ['split', 'subset'],
  isQuery: ['is_query'],
  isGallery: ['is_gallery'],
  category: ['category'],
  sequence: ['sequence'],
} as const

const column = (role: keyof typeof USUAL_COLUMNS, what: string) =>
  z
    .string()
    .min(1)
    .optional()
    .describe(`${what}. Default: ${USUAL_COLUMNS[role].join(' or ')}`)
const edge = (name: string, what: string) => z.string().min(1).default(name).describe(what)

const boxSchema = z
  .union([
    z.strictObject({
      unit: z.literal('pixels'),
      left: edge('x_1', 'Left edge'),
      right: edge('x_2', 'Right edge'),
      top: edge('y_1', 'Top edge'),
      bottom: edge('y_2', 'Bottom edge'),
    }),
    z.strictObject({
      unit: z.enum(['pixels', 'fractions']),
      x: edge('x', 'Left edge'),
      y: edge('y', 'Top edge'),
      width: edge('width', 'Width'),
      height: edge('height', 'Height'),
    }),
  ])
  .optional()
  .describe(
    'Bounding boxes of the upright image: edges, or corner and size; in pixels, or in fractions of its width and height. Default: by the usual names (x_1, x_2, y_1, y_2; x, y, w, h; xmin, ...; x_center, ...; bbox), in fractions where no number is above 1',
  )
export type BoxColumns = NonNullable<z.infer<typeof boxSchema>>

const columnsSchema = z.strictObject({
  path: column('path', 'Image path, relative to root, or an http address'),
  label: column('label', 'Class'),
  split: column('split', 'train, validation (val, valid) or test; not read when the option splits is given'),
  isQuery: column('isQuery', 'true or false; empty means true'),
  isGallery: column('isGallery', 'true or false; empty means true'),
  category: column('category', 'A coarser class, for figures by category and for sampling'),
  sequence: column('sequence', 'Items of one sequence never answer each other'),
  id: z
    .string()
    .min(1)
    .optional()
    .describe('Unique id; by default the path, with the box behind it where rows have boxes'),
  box: boxSchema,
})
export type ColumnOptions = z.infer<typeof columnsSchema>

const splitRuleSchema = z.strictObject({
  where: rowRuleSchema,
  query: rowRuleSchema.optional().describe('The rows that are searched for; without it the column is_query, else all'),
  gallery: rowRuleSchema
    .optional()
    .describe('The rows that are searched in; without it the column is_gallery, else all'),
})

const tableOptions = {
  root: z
    .string()
    .min(1)
    .optional()
    .describe("Where paths start, and what they may not leave; by default the file's folder"),
  columns: columnsSchema.prefault({}).describe('Names of the columns'),
  splits: z
    .strictObject({
      train: splitRuleSchema.optional(),
      validation: splitRuleSchema.optional(),
      test: splitRuleSchema.optional(),
    })
    .optional()
    .describe('Which rows are which split, by the values of columns; rows of none are left out'),
  labelSeparator: z
    .string()
    .max(8)
    .optional()
    .describe(
      'What stands between the labels of an image that has several; empty: labels are never cut. Default: ; or | where the parts also stand alone',
    ),
  boxes: z.boolean().default(true).describe('Crop images to their bounding boxes, where the file has them'),
  metadata: z.array(z.string()).default([]).describe('Columns to keep beside each image, for filters'),
  validation: validationSchema,
  seed: seedSchema,
  missingImages: missingImagesSchema,
}
const encoding = z
  .string()
  .min(1)
  .optional()
  .describe('What the file was saved with: utf-8, windows-1252, shift_jis, ... Default: found out')

export const csvSchema = z.strictObject({
  file: z.string().min(1).describe('The CSV file'),
  separator: z.enum(SEPARATORS).optional().describe('What stands between cells. Default: found out'),
  encoding,
  ...tableOptions,
})
export type CsvOptions = z.infer<typeof csvSchema>

export const jsonLinesSchema = z.strictObject({
  file: z.string().min(1).describe('The JSON Lines file: one object a line'),
  encoding,
  ...tableOptions,
})
export type JsonLinesOptions = z.infer<typeof jsonLinesSchema>

export const parquetSchema = z.strictObject({
  file: z.string().min(1).describe('The Parquet file; images may lie in it'),
  ...tableOptions,
})
export type ParquetOptions = z.infer<typeof parquetSchema>

/** What all tables have in common. */
export type TableOptions = Omit<ParquetOptions, 'file'>
