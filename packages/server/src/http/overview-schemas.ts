import { z } from 'zod'
import { filterSchema } from './schemas.js'

const scalar = z.union([z.string(), z.number(), z.boolean()])

export const mapRequestSchema = z
  .strictObject({
    layout: z
      .enum(['pca', 'umap'])
      .default('pca')
      .describe('`pca`: principal components, at once. `umap`: what is near stays near; it takes longer.'),
    key: z.string().optional().describe('Metadata to tell of each image, to colour by.'),
    filter: filterSchema.optional(),
  })
  .describe('What to map.')

export const mapSchema = z
  .object({
    ids: z.array(z.string()),
    points: z.array(z.number()).describe('x and y of each image, from -1 to 1.'),
    values: z.array(scalar.nullable()).optional().describe('Of the key that was asked for.'),
  })
  .describe('Images in two dimensions. Rejected ones are left out.')

export const nearRequestSchema = z
  .strictObject({
    ids: z.array(z.string().min(1)).max(1000),
    threshold: z.number().min(0).max(2).describe('Distance up to which two images are near-duplicates.'),
  })
  .describe('Images to compare with each other.')

export const nearSchema = z
  .object({
    first: z
      .array(z.string())
      .describe('Of each image, the first of them that it repeats; its own id where there is none.'),
  })
  .describe('Which images repeat others.')
