import { embedImages } from '@lookalike/image'
import { fromPlugin, samplePicture } from '@lookalike/testkit'
import { describeEncoder, describePlugins } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
// Variants are other options: their vectors must be of another space.
describeEncoder('my-plugin', fromPlugin(myPlugin), { variants: [fromPlugin(myPlugin, { cells: 3 })] })

it('gives vectors of length 1', async () => {
  const encoder = await fromPlugin(myPlugin, { cells: 2 })()
  const { embeddings } = await embedImages(encoder, [{ source: samplePicture(1) }])
  expect(embeddings.dim).toBe(12)
  expect(Math.hypot(...embeddings.data)).toBeCloseTo(1, 6)
})
