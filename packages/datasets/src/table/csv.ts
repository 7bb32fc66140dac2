import { definePlugin } from '@lookalike/core'
import type { z } from 'zod'
import { loadCsv } from './load-table.js'
import { csvSchema } from './table-options.js'

declare module '@lookalike/core' {
  interface DatasetPlugins {
    csv: z.input<typeof csvSchema>
  }
}

/** A CSV file of images and labels as a plugin. */
export const csv = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'csv',
  description:
    'Images and labels listed in a CSV file, in the layout of open-metric-learning or with columns and splits mapped.',
  options: csvSchema,
  create: loadCsv,
})
