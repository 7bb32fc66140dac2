import { definePlugin } from '@lookalike/core'
import type { z } from 'zod'
import { cocoOptions } from './coco-options.js'
import { loadCoco } from './load-coco.js'

declare module '@lookalike/core' {
  interface DatasetPlugins {
    coco: z.input<typeof cocoOptions>
  }
}

/** Annotations in COCO's layout as a plugin. */
export const coco = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'coco',
  description:
    'Annotations in the JSON layout of COCO: every box an item of its category, or every image with its labels.',
  options: cocoOptions,
  create: loadCoco,
})
