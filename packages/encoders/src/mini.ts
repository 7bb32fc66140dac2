import { readFile } from 'node:fs/promises'
import { definePlugin, type Encoder } from '@lookalike/core'
import * as z from 'zod'
import { createOnnxEncoder } from './create-onnx-encoder.js'
import type { Reading } from './network/complete-network.js'
import type { Running } from './network/create-network-encoder.js'
import { openingOf, projection, running } from './plugins/option-schemas.js'

// This file lies as deep as the built one, so that the address holds for both.
const FILE = new URL('../assets/mini.onnx', import.meta.url)

/**
 * A small encoder that comes with the package, for drawings, icons and logos.
 *
 * @example
 * const encoder = await createMiniEncoder()
 */
export async function createMiniEncoder(options: Running & Pick<Reading, 'projection'> = {}): Promise<Encoder> {
  return createOnnxEncoder({ ...options, name: 'mini', model: await readFile(FILE) })
}

const options = z.strictObject({ projection, ...running })
export type MiniPluginOptions = z.input<typeof options>

export const mini = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'mini',
  description: 'A small encoder for drawings, icons and logos, comes with the package.',
  options,
  create: ({ projection: layer, ...rest }, context) =>
    createMiniEncoder({
      ...openingOf(context),
      ...rest,
      projection: layer && { seed: context.seed, ...layer },
    }),
})
