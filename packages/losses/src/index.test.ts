import { createRegistry, type Plugin, type PluginRef } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import plugins, { crossBatchMemory, multiSimilarity, proxyAnchor, sumOfLosses } from './index.js'
import { randomBatch } from './testing/batches.js'

const byName = new Map<string, Plugin<'loss'>>(plugins.map((plugin) => [plugin.name, plugin as Plugin<'loss'>]))

const registry = createRegistry(plugins)
const create = (ref: PluginRef<'loss'>) => registry.create('loss', ref, { folder: '.', cacheFolder: '.', seed: 1 })

const binding = { dim: 5, classes: 4, seed: 1 }
const input = randomBatch(1, 8, 5, 4)

describe('the plugins', () => {
  it('have names of their own, strict options that describe themselves, and sensible defaults', async () => {
    expect(byName.size).toBe(plugins.length)
    for (const plugin of plugins) {
      const schema = plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' })
      for (const property of Object.values(schema['properties'] as Record<string, Record<string, unknown>>)) {
        expect(property['description']).toMatch(/\.$/)
      }
      expect((await plugin.options['~standard'].validate({ nonsense: 1 })).issues).toBeDefined()
      if (schema['required'] !== undefined) continue
      const loss = await (await create(plugin.name)).bind(binding)
      expect(loss.name).toBe(plugin.name)
      expect(Number.isFinite((await loss.compute(input)).value)).toBe(true)
    }
  })

  it('nest', async () => {
    const configured = await create({
      use: 'sum-of-losses',
      terms: [
        { loss: { use: 'proxy-anchor', orthogonality: { lambda: { schedule: 'linear', from: 0, to: 1 } } } },
        { loss: { use: 'cross-batch-memory', loss: 'multi-similarity', size: 16 }, weight: 0.5 },
      ],
    })
    const written = sumOfLosses([
      { loss: proxyAnchor({ orthogonality: { lambda: { schedule: 'linear', from: 0, to: 1 } } }) },
      { loss: crossBatchMemory(multiSimilarity(), { size: 16 }), weight: 0.5 },
    ])
    const a = await (await configured.bind(binding)).compute(input)
    const b = await (await written.bind(binding)).compute(input)
    expect(a).toEqual(b)
  })
})
