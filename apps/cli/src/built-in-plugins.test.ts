import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { expect, it } from 'vitest'
import { BUILT_IN, BUILT_IN_PLUGINS, packagesOf } from './built-in-plugins.js'
import { DEFAULTS } from './defaults.js'

it('names every plugin of every built-in package', async () => {
  const found: Record<string, Set<string>> = {}
  const loaded = await loadPlugins(BUILT_IN, path.dirname(fileURLToPath(import.meta.url)))
  for (const { plugin, origin } of loaded) (found[origin.package] ??= new Set()).add(plugin.name)
  const named = Object.fromEntries(Object.entries(found).map(([name, plugins]) => [name, [...plugins].sort()]))
  expect(BUILT_IN_PLUGINS).toEqual(named)
})

it('finds the packages that a config needs', () => {
  const of = (overrides: Record<string, unknown>) =>
    packagesOf(defaultConfig('.', { overrides, defaults: DEFAULTS }).config).map((name) =>
      name.replace('@lookalike/', ''),
    )
  expect(of({})).toEqual(['encoders', 'gallery', 'cli'])
  expect(of({ index: 'of-somebody-else' })).toContain('gallery')
  expect(of({ rerankers: [{ use: 'k-reciprocal' }], dataset: 'emoji' })).toContain('rerank')
  expect(of({ train: 'metric-learning' })).toHaveLength(BUILT_IN.length)
})
