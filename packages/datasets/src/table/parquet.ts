import { definePlugin } from '@lookalike/core'
import type { z } from 'zod'
import { loadParquet } from './load-table.js'
import { parquetSchema } from './table-options.js'

declare module '@lookalike/core' {
  interface DatasetPlugins {
    parquet: z.input<typeof parquetSchema>
  }
}

/** A Parquet file of images and labels as a plugin. */
export const parquet = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'parquet',
  description: 'Images and labels in a Parquet file, with the columns of csv; images by path, or in the file itself.',
  options: parquetSchema,
  create: loadParquet,
})
