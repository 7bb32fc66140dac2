import { z } from 'zod'
import { missingImagesSchema } from '../check/finish-dataset.js'
import { seedSchema, validationSchema } from '../splits/split-options.js'

/** Options that all loaders of public benchmarks share. */
export const publicOptions = {
  root: z.string().min(1).describe('The folder that the published archive was unpacked to'),
  validation: validationSchema,
  seed: seedSchema,
  missingImages: missingImagesSchema,
}

export const boxesSchema = z
  .boolean()
  .default(false)
  .describe('Crop images to their bounding boxes; reads the header of every image')

export type PublicOptions = z.infer<z.ZodObject<typeof publicOptions>>
