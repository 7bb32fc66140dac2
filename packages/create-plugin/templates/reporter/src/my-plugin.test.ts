import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fromPlugin } from '@lookalike/testkit'
import { describePlugins, describeReporter } from '@lookalike/testkit/vitest'
import { expect, it } from 'vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
describeReporter('my-plugin', fromPlugin(myPlugin))

it('writes a row for each metric', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'my-plugin-'))
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
    folder,
  )
  expect(await readFile(path.join(folder, 'my-plugin.md'), 'utf8')).toContain('| recall@1 | 0.50 |')
  await rm(folder, { recursive: true })
})
