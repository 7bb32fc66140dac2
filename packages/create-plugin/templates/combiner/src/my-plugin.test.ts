import { createEmbeddings, type Encoder } from '@lookalike/core'
import { fromPlugin } from '@lookalike/testkit'
import { describeCombiner, describePlugins } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { createCombiner, myPlugin } from './my-plugin.js'

/** Members only have to say what they are: the checks bring embeddings of their own. */
const member = (name: string, dim: number): Encoder => ({
  specVersion: 'v1',
  name,
  dim,
  space: `test/${name}`,
  input: { kind: 'bytes' },
  batchSize: 1,
  encode: async () => createEmbeddings({ data: new Float32Array(0), rows: 0, dim, space: `test/${name}`, role: 'any' }),
  dispose: async () => {},
})
const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)

describePlugins(plugins)
describeCombiner('my-plugin', () => createCombiner([member('a', 6), member('b', 10)], [3, 1]), {
  similarity: (query, gallery) => (3 * dot(query[0]!, gallery[0]!) + dot(query[1]!, gallery[1]!)) / 4,
})

it('needs at least one member', async () => {
  await expect(fromPlugin(myPlugin, { members: [] })()).rejects.toThrow('members')
})
