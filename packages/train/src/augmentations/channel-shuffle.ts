import { type Augmentation, definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { probability } from './option-schemas.js'

const options = z.strictObject({ probability: probability(0.1) })

export type ChannelShuffleOptions = z.input<typeof options>

/** Swaps red, green and blue at random: drawings of one thing come in other colours. */
export function channelShuffle(given: ChannelShuffleOptions = {}): Augmentation {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'channel-shuffle',
    apply(image, random) {
      if (random.next() >= settings.probability) return image
      const [red = 0, green = 1, blue = 2] = random.permutation(3)
      const { data, width, height } = image
      const out = new Uint8Array(data.length)
      for (let i = 0; i < data.length; i += 3) {
        out[i] = data[i + red]!
        out[i + 1] = data[i + green]!
        out[i + 2] = data[i + blue]!
      }
      return { data: out, width, height }
    },
  }
}

export const channelShufflePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'augmentation',
  name: 'channel-shuffle',
  description: 'Swaps the colour channels of some images.',
  options,
  create: channelShuffle,
})

declare module '@lookalike/core' {
  interface AugmentationPlugins {
    'channel-shuffle': ChannelShuffleOptions
  }
}
