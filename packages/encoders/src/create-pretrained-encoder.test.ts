import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createRandom } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  float32,
  type GraphBuilder,
  type OnnxModel,
  writeModel,
} from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildVit } from './builder/build-vit.js'
import { createPretrainedEncoder, type PretrainedEncoderOptions } from './create-pretrained-encoder.js'
import { startHubServer } from './hub/hub-server.fixture.js'
import { float32ToFloat16 } from './weights/half-precision.js'

const size = { imageSize: 16, patchSize: 4, dim: 8, depth: 1, heads: 2 } as const
const random = createRandom('pretrained')
const data = Float32Array.from({ length: 2 * 768 }, () => random.normal())
const batch = { kind: 'pixels', data, count: 2 } as const
const processor = { image_processor_type: 'ViTImageProcessor', size: 16, resample: 3 }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lookalike-pretrained-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function repository(name: string, files: Readonly<Record<string, OnnxModel | object>>): Promise<string> {
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, name, path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, 'graph' in content ? writeModel(content) : JSON.stringify(content))
  }
  return join(folder, name)
}
async function encode(options: Partial<PretrainedEncoderOptions> & Pick<PretrainedEncoderOptions, 'family'>) {
  const encoder = await createPretrainedEncoder({
    cacheFolder: join(folder, 'cache'),
    threads: 1,
    offline: true,
    ...options,
  })
  try {
    return { ...(await encoder.encode(batch)), name: encoder.name, network: await encoder.onnx!.bytes() }
  } finally {
    await encoder.dispose()
  }
}
async function tokensOf(
  model: OnnxModel,
): Promise<{ token(image: number, index: number): Float32Array; count: number }> {
  const session = await createSession(model, { threads: 1 })
  const { last_hidden_state: tokens } = await session.run({ pixel_values: float32(data, [2, 3, 16, 16]) })
  await session.dispose()
  const count = tokens!.shape[1]!
  return {
    count,
    token: (image, index) =>
      (tokens!.data as Float32Array).subarray((image * count + index) * 8, (image * count + index + 1) * 8),
  }
}
const unitMean = (...vectors: Float32Array[]) => {
  const mean = vectors[0]!.map((_, i) => vectors.reduce((sum, vector) => sum + vector[i]!, 0))
  return mean.map((value) => value / Math.hypot(...mean))
}
const expectVectors = (found: Float32Array, expected: (image: number) => Float32Array) =>
  [0, 1].forEach((image) => expected(image).forEach((value, i) => expect(found[image * 8 + i]).toBeCloseTo(value, 5)))

describe('createPretrainedEncoder', () => {
  it('ViT and DINO read the class token, or the mean of the patches', async () => {
    const model = buildVit({ ...size, pooling: 'none' })
    const path = await repository('vit', {
      'config.json': { model_type: 'vit' },
      'preprocessor_config.json': processor,
      'onnx/model.onnx': model,
    })
    const { token, count } = await tokensOf(model)
    const { data: dino, name } = await encode({ family: 'dino', model: path })
    expect(name).toBe('dino/vit')
    expectVectors(dino, (image) => unitMean(token(image, 0)))
    expectVectors((await encode({ family: 'pretrained-vit', model: path, pooling: 'mean' })).data, (image) =>
      unitMean(...Array.from({ length: count - 1 }, (_, i) => token(image, i + 1))),
    )
  })

  it('distilled DeiT averages its two tokens; DINOv2 leaves its registers out of the mean', async () => {
    const distilled = buildVit({ ...size, distillation: true, pooling: 'none' })
    const path = await repository('deit', {
      'config.json': { model_type: 'deit' },
      'preprocessor_config.json': processor,
      'onnx/model.onnx': distilled,
    })
    const { token } = await tokensOf(distilled)
    expectVectors((await encode({ family: 'deit-distilled', model: path })).data, (image) =>
      unitMean(token(image, 0), token(image, 1)),
    )

    const registers = buildVit({ ...size, registers: 4, pooling: 'none' })
    const dinov2 = await repository('dinov2', {
      'config.json': { model_type: 'dinov2_with_registers', num_register_tokens: 4 },
      'preprocessor_config.json': processor,
      'model.onnx': registers,
    })
    const { token: of, count } = await tokensOf(registers)
    expectVectors((await encode({ family: 'dinov2', model: dinov2, pooling: 'mean' })).data, (image) =>
      unitMean(...Array.from({ length: count - 5 }, (_, i) => of(image, i + 5))),
    )
  })

  it('reads the tokens behind an export for classification', async () => {
    const tokens = buildVit({ ...size, pooling: 'none' })
    const g = createGraphBuilder({ opset: 21 })
    const pixels = g.input('pixel_values', 'float32', ['N', 3, 16, 16])
    const inside = g.include(tokens.graph, { pixel_values: pixels })['last_hidden_state']!
    const scores = g.gemm(
      g.gather(inside, g.integers(0), 1),
      g.initializer('classifier.weight', float32(new Float32Array(80).fill(0.1), [8, 10])),
    )
    g.output(scores, 'logits', { shape: ['N', 10] })
    const path = await repository('classifier', {
      'config.json': { model_type: 'vit' },
      'preprocessor_config.json': processor,
      'onnx/model.onnx': g.build(),
    })
    const { token } = await tokensOf(tokens)
    const { data: vectors, dim, network } = await encode({ family: 'deit', model: path })
    expect(dim).toBe(8)
    expectVectors(vectors, (image) => unitMean(token(image, 0)))
    // The classifier is not in the network that training would start from.
    expect(Buffer.from(network).includes('classifier.weight')).toBe(false)
  })

  it('CLIP and SigLIP take the vision tower and its own vector', async () => {
    const tower = (output: string) => {
      const g = createGraphBuilder()
      const pixels = g.input('pixel_values', 'float32', ['N', 3, 16, 16])
      g.output(g.reshape(pixels, [0, 3, 256]), 'last_hidden_state', { shape: ['N', 3, 256] })
      g.output(g.flatten(g.globalAveragePool(pixels)), output, { shape: ['N', 3] })
      return g.build()
    }
    for (const [family, output] of [
      ['clip', 'image_embeds'],
      ['siglip', 'pooler_output'],
    ] as const) {
      const path = await repository(family, {
        'config.json': { model_type: family },
        'preprocessor_config.json': {
          ...processor,
          size: { height: 16, width: 16 },
          image_processor_type: 'SiglipImageProcessor',
        },
        'onnx/vision_model.onnx': tower(output),
      })
      const { data: vectors, dim } = await encode({ family, model: path })
      expect(dim).toBe(3)
      const planes = Float32Array.from({ length: 3 }, (_, c) =>
        data.subarray(c * 256, (c + 1) * 256).reduce((a, b) => a + b),
      )
      unitMean(planes).forEach((value, i) => expect(vectors[i]).toBeCloseTo(value, 5))
    }
  })

  it('takes the variant that is asked for, as a space of its own', async () => {
    const path = await repository('variants', {
      'config.json': { model_type: 'vit' },
      'preprocessor_config.json': processor,
      'onnx/model.onnx': buildVit({ ...size, pooling: 'none', seed: 1 }),
      'onnx/model_quantized.onnx': buildVit({ ...size, pooling: 'none', seed: 2 }),
    })
    const [full, quantised] = [
      await encode({ family: 'dino', model: path }),
      await encode({ family: 'dino', model: path, dtype: 'q8' }),
    ]
    expect(quantised.name).toBe('dino/variants-q8')
    expect(quantised.space).not.toBe(full.space)
    await expect(encode({ family: 'dino', model: path, dtype: 'fp16' })).rejects.toMatchObject({
      code: 'hub/not-found',
      message: expect.stringContaining(join(path, 'onnx', 'model_fp16.onnx')) as string,
    })
  })

  it('runs half-precision and 8-bit files as exporters write them', async () => {
    const weights = Float32Array.from({ length: 64 * 8 }, () => random.normal())
    const exported = (type: 'float32' | 'float16', product: (g: GraphBuilder, tokens: string) => string) => {
      const g = createGraphBuilder()
      g.output(
        product(g, g.reshape(g.input('pixel_values', type, ['N', 3, 16, 16]), [0, 12, 64])),
        'last_hidden_state',
        { type, shape: ['N', 12, 8] },
      )
      return g.build()
    }
    const step = Math.max(...weights.map(Math.abs)) / 127
    const path = await repository('precisions', {
      'config.json': { model_type: 'vit' },
      'preprocessor_config.json': processor,
      'onnx/model.onnx': exported('float32', (g, x) => g.matMul(x, g.initializer('w', float32(weights, [64, 8])))),
      'onnx/model_fp16.onnx': exported('float16', (g, x) =>
        g.matMul(x, g.initializer('w', { type: 'float16', shape: [64, 8], data: float32ToFloat16(weights) })),
      ),
      'onnx/model_quantized.onnx': exported('float32', (g, x) => {
        const [values, scale, zero] = g.nodes('DynamicQuantizeLinear', [x], 3) as [string, string, string]
        const integers = g.initializer('w', {
          type: 'int8',
          shape: [64, 8],
          data: Int8Array.from(weights, (value) => Math.round(value / step)),
        })
        return g.mul(g.cast(g.node('MatMulInteger', [values, integers, zero]), 'float32'), g.mul(scale, g.floats(step)))
      }),
    })
    const [full, half, eight] = [
      await encode({ family: 'dino', model: path }),
      await encode({ family: 'dino', model: path, dtype: 'fp16' }),
      await encode({ family: 'dino', model: path, dtype: 'q8' }),
    ]
    const furthest = (vectors: Float32Array) => Math.max(...vectors.map((value, i) => Math.abs(value - full.data[i]!)))
    expect(half.name).toBe('dino/precisions-fp16')
    expect(furthest(half.data)).toBeLessThan(2e-3)
    expect(furthest(eight.data)).toBeLessThan(0.03)
    expect(furthest(eight.data)).toBeGreaterThan(furthest(half.data))
    expect(new Set([full.space, half.space, eight.space]).size).toBe(3)
  })

  it('comes from the hub by name, and then from the cache', async () => {
    const path = await repository('served', {
      'config.json': { model_type: 'vit' },
      'preprocessor_config.json': processor,
      'onnx/model.onnx': buildVit({ ...size, pooling: 'none' }),
    })
    const served = ['config.json', 'preprocessor_config.json', 'onnx/model.onnx']
    const server = await startHubServer(
      Object.fromEntries(
        await Promise.all(
          served.map(
            async (file) =>
              [`/team/served/resolve/main/${file}`, new Uint8Array(await readFile(join(path, file)))] as const,
          ),
        ),
      ),
    )
    const online = await encode({ family: 'dino', model: 'team/served', baseUrl: server.baseUrl, offline: false })
    await server.close()
    const offline = await encode({ family: 'dino', model: 'team/served' })
    expect([offline.space, offline.data]).toEqual([online.space, online.data])
  })

  it('refuses a model of another family, naming the right one', async () => {
    const path = await repository('other', {
      'config.json': { model_type: 'siglip' },
      'preprocessor_config.json': processor,
    })
    await expect(encode({ family: 'dino', model: path })).rejects.toMatchObject({
      code: 'encoder/family',
      message: expect.stringContaining('Use siglip.') as string,
    })
  })

  it('refuses a config.json that is no JSON', async () => {
    const path = await repository('broken', {})
    await mkdir(path, { recursive: true })
    await writeFile(join(path, 'config.json'), '<html>')
    await expect(encode({ family: 'dino', model: path })).rejects.toMatchObject({
      code: 'preprocessing/config',
      fields: { file: join(path, 'config.json') },
    })
  })
})
