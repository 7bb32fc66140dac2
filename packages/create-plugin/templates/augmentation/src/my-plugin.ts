import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  deviation: z
    .number()
    .positive()
    .max(128)
    .default(12)
    .describe('Standard deviation of the noise, in steps of 0 to 255.'),
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** Adds normal noise to every pixel. A pure function: the picture that comes in is not written to, and all chance is `random`'s. */
const createAugmentation = ({ deviation }: z.output<typeof options>): Augmentation => ({
  specVersion: 'v1',
  name: 'my-plugin',
  apply({ data, width, height }, random) {
    const noisy = data.map((value) => Math.min(255, Math.max(0, Math.round(value + deviation * random.normal()))))
    return { data: noisy, width, height }
  },
})

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'my-plugin',
  description: 'Adds noise to every pixel.',
  options,
  create: createAugmentation,
})

export default [myPlugin]
