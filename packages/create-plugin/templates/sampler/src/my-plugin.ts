import { definePlugin, type Sampler } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  batchSize: z.int().min(2).default(64).describe('Images a batch.'),
  perClass: z
    .int()
    .min(1)
    .default(8)
    .describe('At most so many images of a class in an epoch, others in the next one.'),
})

declare module '@lookalike/core' {
  interface SamplerPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** Every image has the same chance, but no class more than `perClass` images an epoch. An incomplete last batch is left out. */
const createSampler = ({ batchSize, perClass }: z.output<typeof options>): Sampler => ({
  specVersion: 'v1',
  name: 'my-plugin',
  epoch({ labels }, random) {
    const taken = new Map<number, number>()
    const drawn = random.permutation(labels.length).filter((position) => {
      const count = taken.get(labels[position]!) ?? 0
      taken.set(labels[position]!, count + 1)
      return count < perClass
    })
    // A small set still has one batch.
    const size = Math.min(batchSize, drawn.length)
    return Array.from({ length: Math.floor(drawn.length / size) }, (_, i) => drawn.slice(i * size, (i + 1) * size))
  },
})

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'sampler',
  name: 'my-plugin',
  description: 'Shuffled images, no class more often than wanted.',
  options,
  create: createSampler,
})

export default [myPlugin]
