import { checkOptions, definePlugin, type Sampler } from '@lookalike/core'
import { z } from 'zod'
import { checkItems } from './check-items.js'
import { tooFewImages } from './sampler-errors.js'

const options = z.strictObject({
  batchSize: z.int().min(1).default(128).describe('Images in a batch.'),
})

export type PlainOptions = z.input<typeof options>

/**
 * All images in a new order each epoch, cut into batches; the rest that fills no batch is left out. For losses with proxies.
 *
 * @throws `train/labels`, `train/too-few-images`
 */
export function plain(given: PlainOptions = {}): Sampler {
  const { batchSize } = checkOptions('plain', options, given)
  return {
    specVersion: 'v1',
    name: 'plain',
    epoch(given, random) {
      const { labels } = checkItems('plain', given)
      if (labels.length < batchSize) throw tooFewImages('plain', labels.length, batchSize)
      const order = random.permutation(labels.length)
      return Array.from({ length: Math.floor(labels.length / batchSize) }, (_, i) =>
        order.slice(i * batchSize, (i + 1) * batchSize),
      )
    },
  }
}

export const plainPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'sampler',
  name: 'plain',
  description: 'Shuffled batches without regard to classes, for losses with proxies.',
  options,
  create: plain,
})

declare module '@lookalike/core' {
  interface SamplerPlugins {
    plain: PlainOptions
  }
}
