import { createRandom } from '@lookalike/core'
import { fromPlugin } from '@lookalike/testkit'
import { describePlugins, describeSampler } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
describeSampler('my-plugin', fromPlugin(myPlugin, { batchSize: 16, perClass: 4 }))

it('draws no class more often than wanted', async () => {
  const sampler = await fromPlugin(myPlugin, { batchSize: 2, perClass: 2 })()
  const labels = Int32Array.of(0, 0, 0, 0, 0, 0, 1, 1)
  const batches = sampler.epoch({ labels }, createRandom(1))
  expect(
    batches
      .flatMap((batch) => [...batch])
      .map((position) => labels[position])
      .sort(),
  ).toEqual([0, 0, 1, 1])
})
