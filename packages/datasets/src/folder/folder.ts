import { definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { seedSchema } from '../splits/split-options.js'
import { loadFolder } from './load-folder.js'

const share = z.number().min(0).max(1)

const options = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .describe('The folder of images: one sub-folder a class, or train, val and test with the classes in them'),
    splitBy: z
      .enum(['folders', 'classes', 'images'])
      .optional()
      .describe(
        'folders: as the folders train, val (valid, validation) and test say, which is the default where they are all there is. classes (the default elsewhere): train, validation and test have different classes, as in metric learning. images: every class is cut',
      ),
    separator: z
      .string()
      .max(8)
      .optional()
      .describe(
        'Nested classes: all folders on the way to an image, joined by this, are its class, and the first its category. Without it the first folder is the class',
      ),
    validation: share.default(0).describe('Share of the classes or images for validation, 0 to 1'),
    test: share.default(0.5).describe('Share of the classes or images for test, 0 to 1; 1 when nothing is trained'),
    seed: seedSchema,
  })
  .refine(({ validation, test }) => validation + test <= 1, {
    message: 'validation and test together must not exceed 1',
    path: ['test'],
  })

declare module '@lookalike/core' {
  interface DatasetPlugins {
    folder: z.input<typeof options>
  }
}

/** An image folder as a plugin. */
export const folder = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'folder',
  description: 'A folder with one sub-folder of images a class, cut into parts by class or by image.',
  options,
  create: loadFolder,
})
