import { createRandom } from '@lookalike/core'
import { fromPlugin, samplePicture } from '@lookalike/testkit'
import { describeAugmentation, describePlugins } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
describeAugmentation('my-plugin', fromPlugin(myPlugin), { size: 'same' })

it('adds as much noise as it is told to', async () => {
  const augmentation = await fromPlugin(myPlugin, { deviation: 5 })()
  const grey = { ...samplePicture(0, 100, 100), data: new Uint8Array(30_000).fill(128) }
  const { data } = await augmentation.apply(grey, createRandom(1), { width: 64, height: 64 })
  const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - 128) ** 2, 0) / data.length)
  expect(deviation).toBeGreaterThan(4.8)
  expect(deviation).toBeLessThan(5.2)
})
