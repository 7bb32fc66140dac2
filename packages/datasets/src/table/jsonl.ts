import { definePlugin } from '@lookalike/core'
import type { z } from 'zod'
import { loadJsonLines } from './load-table.js'
import { jsonLinesSchema } from './table-options.js'

declare module '@lookalike/core' {
  interface DatasetPlugins {
    jsonl: z.input<typeof jsonLinesSchema>
  }
}

/** A JSON Lines file of images and labels as a plugin. */
export const jsonl = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'jsonl',
  description: 'Images and labels listed in a JSON Lines file, with the columns of csv.',
  options: jsonLinesSchema,
  create: loadJsonLines,
})
