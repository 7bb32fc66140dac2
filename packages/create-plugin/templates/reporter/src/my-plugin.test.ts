import { fromPlugin } from '@lookalike/testkit'
import { describePlugins, describeReporter } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
describeReporter('my-plugin', fromPlugin(myPlugin))

it('writes a row for each metric', async () => {
  const written = new Map<string, string | Uint8Array>()
  const stage = { name: 'search', metrics: { 'recall@1': 0.5 }, categories: {}, rankings: [], millisecondsPerQuery: 1 }
  await (await fromPlugin(myPlugin, { digits: 2 })()).write(
    {
      name: 'shop',
      dataset: 'd',
      model: { name: 'm', space: 's', dim: 1 },
      queries: [],
      gallery: [],
      stages: [stage],
      curves: [],
      warnings: [],
      finishedAt: '2026-01-01T00:00:00Z',
    },
    { folder: '.', write: async (name, content) => void written.set(name, content) },
  )
  expect(written.get('my-plugin.md')).toContain('| recall@1 | 0.50 |')
})
