import { fromPlugin } from '@lookalike/testkit'
import { describeLoss, describePlugins } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
// A gentle temperature: finite differences in float32 cannot follow steep losses.
describeLoss('my-plugin', fromPlugin(myPlugin, { temperature: 0.5 }))

it('costs less where an embedding lies nearer to the vector of its class', async () => {
  const loss = await (await fromPlugin(myPlugin)()).bind({ dim: 4, classes: 3, seed: 1 })
  const centres = loss.parameters[0]!.data
  const cost = async (embeddings: Float32Array) =>
    (await loss.compute({ embeddings, labels: Int32Array.of(0), rows: 1, dim: 4, step: 0, totalSteps: 1 })).value
  expect(await cost(centres.slice(0, 4))).toBeLessThan(await cost(centres.slice(4, 8)))
})
