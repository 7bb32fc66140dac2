import { createEmbeddings, createRandom, type Encoder, type ImageRequest, type Preprocessing } from '@lookalike/core'

const preprocessing: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 2, height: 2 },
  interpolation: 'nearest',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: 'rgb',
  layout: 'nchw',
}

/** A linear encoder of 2 x 2 pictures that counts the images that it was shown. */
export function toyEncoder(
  name: string,
  dim: number,
  seed: number,
): Encoder & { readonly seen: () => number; readonly disposed: () => boolean } {
  const random = createRandom(seed)
  const weights = Float32Array.from({ length: 12 * dim }, () => random.normal())
  let seen = 0
  let disposed = false
  return {
    specVersion: 'v1',
    name,
    dim,
    space: `toy ${name} ${seed}`,
    input: { kind: 'pixels', preprocessing },
    batchSize: 16,
    async encode(batch) {
      if (batch.kind !== 'pixels') throw new Error('pixels only')
      seen += batch.count
      const data = new Float32Array(batch.count * dim)
      for (let row = 0; row < batch.count; row++) {
        for (let i = 0; i < 12; i++)
          for (let j = 0; j < dim; j++)
            data[row * dim + j]! += (batch.data[row * 12 + i]! - 0.5) * weights[i * dim + j]!
      }
      return createEmbeddings({ data, rows: batch.count, dim, space: `toy ${name} ${seed}`, role: 'any' })
    },
    async dispose() {
      disposed = true
    },
    seen: () => seen,
    disposed: () => disposed,
  }
}

/** Random 2 x 2 pictures. */
export function toyImages(count: number, seed: number): ImageRequest[] {
  const random = createRandom(seed)
  return Array.from({ length: count }, () => ({
    source: { width: 2, height: 2, data: Uint8Array.from({ length: 12 }, () => random.integer(256)) },
  }))
}
