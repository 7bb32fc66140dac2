import { definePlugin } from '@lookalike/core'
import type { z } from 'zod'
import { loadWebdataset } from './load-webdataset.js'
import { webdatasetOptions } from './webdataset-options.js'

declare module '@lookalike/core' {
  interface DatasetPlugins {
    webdataset: z.input<typeof webdatasetOptions>
  }
}

/** Tar files in the layout of webdataset as a plugin. */
export const webdataset = definePlugin({
  specVersion: 'v1',
  kind: 'dataset',
  name: 'webdataset',
  description: 'Tar files in the layout of webdataset: the files of one name are one image with its class.',
  options: webdatasetOptions,
  create: loadWebdataset,
})
