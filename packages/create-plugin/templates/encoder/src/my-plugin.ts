import { createEmbeddings, definePlugin, type Encoder, LookalikeError, type Preprocessing } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  cells: z.int().min(1).max(64).default(4).describe('Cells along each edge of the image.'),
})

declare module '@lookalike/core' {
  interface EncoderPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** The colours of a grid of cells, brought to length 1: `cells * cells * 3` values. */
function createEncoder({ cells }: z.output<typeof options>): Encoder {
  const dim = cells * cells * 3
  // Everything that changes a vector belongs into the space; galleries of other spaces refuse these vectors.
  const space = `my-plugin/${cells}`
  const preprocessing: Preprocessing = {
    resize: { mode: 'squash' },
    crop: { width: cells, height: cells },
    interpolation: 'box',
    background: [255, 255, 255],
    scale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    channels: 'rgb',
    layout: 'nchw',
  }
  return {
    specVersion: 'v1',
    name: 'my-plugin',
    dim,
    space,
    batchSize: 64,
    input: { kind: 'pixels', preprocessing },
    async encode(batch, { signal } = {}) {
      signal?.throwIfAborted()
      if (batch.kind !== 'pixels')
        throw new LookalikeError('encoder/input', { problem: 'my-plugin got encoded files', expected: 'pixels' })
      const data = batch.data.slice()
      for (let row = 0; row < batch.count; row++) {
        const vector = data.subarray(row * dim, (row + 1) * dim)
        const length = Math.hypot(...vector) || 1
        for (let i = 0; i < dim; i++) vector[i]! /= length
      }
      return createEmbeddings({ data, rows: batch.count, dim, space, role: 'any' })
    },
    dispose: async () => {},
  }
}

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'my-plugin',
  description: 'The colours of a grid of cells.',
  options,
  create: createEncoder,
})

export default [myPlugin]
