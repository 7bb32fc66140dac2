import { readFile } from 'node:fs/promises'
import { definePlugin, type Encoder } from '@lookalike/core'
import * as z from 'zod'
import { createOnnxEncoder } from './create-onnx-encoder.js'
import type { Reading } from './network/complete-network.js'
import type { Running } from './network/create-network-encoder.js'
import { openingOf, projection, running } from './plugins/option-schemas.js'

// This file lies as deep as the built one, so that the address holds for both.
const FILE = new URL('../assets/builtin.onnx', import.meta.url)

/**
 * The built-in encoder for photographs and drawings, 112 x 112 pixels, 256 dimensions: EfficientNet-Lite0, trained on both. It comes with the package.
 *
 * @example
 * const encoder = await createBuiltinEncoder()
 */
export async function createBuiltinEncoder(options: Running & Pick<Reading, 'projection'> = {}): Promise<Encoder> {
  return createOnnxEncoder({ ...options, name: 'builtin', model: await readFile(FILE) })
}

const options = z.strictObject({ projection, ...running })
export type BuiltinPluginOptions = z.input<typeof options>

export const builtinPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'builtin',
  description: 'The built-in encoder: for photographs and drawings alike, comes with the package.',
  options,
  create: ({ projection: layer, ...rest }, context) =>
    createBuiltinEncoder({
      ...openingOf(context),
      ...rest,
      projection: layer && { seed: context.seed, ...layer },
    }),
})
