import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRegistry, type PluginRef, parseReference } from '@lookalike/core'
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

it.each<[string, Record<string, unknown>]>([
  ['metric-learning', { loss: 'triplet' }],
  ['head', { loss: 'triplet' }],
  ['stir', {}],
  ['context-ensemble', {}],
  ['cross-model', { members: [{ name: 'a', encoder: 'mini' }] }],
])('the trainer %s names a provider that is not there before there is a run', async (use, options) => {
  const folder = path.dirname(fileURLToPath(import.meta.url))
  const provider = process.platform === 'darwin' ? 'dml' : 'coreml'
  const registry = createRegistry(await loadPlugins(BUILT_IN, folder))
  const reference = parseReference('trainer', { use, ...options, providers: [provider] } as PluginRef<'trainer'>)
  await expect(registry.create('trainer', reference, { folder, cacheFolder: folder, seed: 0 })).rejects.toMatchObject({
    code: 'onnx/provider',
  })
})
