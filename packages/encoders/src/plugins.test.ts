import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Encoder, isLookalikeError, type PluginContext } from '@lookalike/core'
import { writeModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import plugins, { buildVit } from './index.js'

let context: PluginContext
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lookalike-encoder-plugins-'))
  context = {
    folder,
    cacheFolder: join(folder, 'cache'),
    seed: 5,
    warn: () => {},
    origin: () => ({ package: 'test' }),
    create: () => Promise.reject(new Error('no plugin names another')),
  }
})
afterAll(() => rm(context.folder, { recursive: true }))

async function create(name: string, options: Record<string, unknown>): Promise<Encoder> {
  const plugin = plugins.find((one) => one.name === name)!
  const checked = await plugin.options['~standard'].validate(options)
  if (checked.issues) throw new Error(checked.issues.map(({ message }) => message).join())
  return plugin.create(checked.value, context)
}

describe('the plugins', () => {
  it('have names of their own, and describe every option in their schema', () => {
    expect(plugins.map(({ name }) => name)).toEqual([
      'builtin',
      'mini',
      'onnx',
      'vit',
      'conv-net',
      'light',
      'deit',
      'deit-distilled',
      'pretrained-vit',
      'dino',
      'dinov2',
      'dinov3',
      'clip',
      'siglip',
    ])
    for (const { name, options } of plugins) {
      const { properties } = options['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as {
        properties: Record<string, { description?: string }>
      }
      for (const [option, schema] of Object.entries(properties))
        expect(schema.description, `${name}.${option}`).toBeTruthy()
    }
  })

  it.each<[string, Record<string, unknown>, number]>([
    ['vit', { imageSize: 16, patchSize: 8, dim: 8, depth: 1, heads: 2, embeddingDim: 6 }, 6],
    ['conv-net', { imageSize: 16, widths: [16, 16], embeddingDim: 5 }, 5],
    ['light', { maxBytes: 200_000, embeddingDim: 6 }, 6],
  ])("%s starts from the run's seed, or from its own", async (name, options, dim) => {
    const encoders = [
      await create(name, options),
      await create(name, { ...options, seed: 5 }),
      await create(name, { ...options, seed: 6 }),
    ]
    expect(encoders.map((encoder) => encoder.dim)).toEqual([dim, dim, dim])
    expect(encoders[1]!.space).toBe(encoders[0]!.space)
    expect(encoders[2]!.space).not.toBe(encoders[0]!.space)
    await Promise.all(encoders.map((encoder) => encoder.dispose()))
  })

  it('vit takes weights from a file beside the config', async () => {
    const size = { imageSize: 16, patchSize: 8, dim: 8, depth: 1, heads: 2 }
    await writeFile(join(context.folder, 'weights.onnx'), writeModel(buildVit({ ...size, seed: 1 })))
    const [loaded, built] = [
      await create('vit', { ...size, weights: 'weights.onnx' }),
      await create('vit', { ...size, seed: 1 }),
    ]
    const batch = { kind: 'pixels', data: new Float32Array(768).fill(0.3), count: 1 } as const
    expect((await loaded.encode(batch)).data).toEqual((await built.encode(batch)).data)
    await Promise.all([loaded.dispose(), built.dispose()])
  })

  it('onnx reads a file beside the config, and says which one is missing', async () => {
    await writeFile(
      join(context.folder, 'net.onnx'),
      writeModel(buildVit({ imageSize: 16, patchSize: 8, dim: 8, depth: 1, heads: 2 })),
    )
    const encoder = await create('onnx', { model: 'net.onnx', projection: { dim: 4 } })
    expect([encoder.name, encoder.dim]).toEqual(['net', 4])
    await encoder.dispose()
    const fault: unknown = await create('onnx', { model: 'gone.onnx' }).catch((error: unknown) => error)
    expect(isLookalikeError(fault, 'onnx/file') && fault.message).toContain(join(context.folder, 'gone.onnx'))
  })

  it('mini comes with the package', async () => {
    const encoder = await create('mini', {})
    if (encoder.input.kind !== 'pixels') throw new Error('mini takes pixels')
    const { width, height } = encoder.input.preprocessing.crop
    const { data } = await encoder.encode({
      kind: 'pixels',
      data: new Float32Array(3 * width * height).fill(0.5),
      count: 1,
    })
    expect(Math.hypot(...data)).toBeCloseTo(1, 3)
    await encoder.dispose()
  })
})
