import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createRandom } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  float32,
  float32ToFloat16,
  type GraphBuilder,
  type OnnxModel,
  writeModel,
} from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildVit } from './builder/build-vit.js'
import { createPretrainedEncoder, type PretrainedEncoderOptions } from './create-pretrained-encoder.js'
import { startHubServer } from './hub/hub-server.fixture.js'

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

describe('repositories as people have them', () => {
  const options = { ...size, mlpRatio: 4, epsilon: 1e-12, seed: 3, pooling: 'none' } as const
  const vitConfig = {
    model_type: 'vit',
    hidden_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    intermediate_size: 32,
    patch_size: 4,
    image_size: 16,
  }
  const NAMES: readonly (readonly [RegExp, string])[] = [
    [/^(cls_token)$/, 'vit.embeddings.$1'],
    [/^pos_embed$/, 'vit.embeddings.position_embeddings'],
    [/^patch_embed\.proj/, 'vit.embeddings.patch_embeddings.projection'],
    [/^blocks\.(\d+)\.norm1/, 'vit.encoder.layer.$1.layernorm_before'],
    [/^blocks\.(\d+)\.norm2/, 'vit.encoder.layer.$1.layernorm_after'],
    [/^blocks\.(\d+)\.attn\.proj/, 'vit.encoder.layer.$1.attention.output.dense'],
    [/^blocks\.(\d+)\.mlp\.fc1/, 'vit.encoder.layer.$1.intermediate.dense'],
    [/^blocks\.(\d+)\.mlp\.fc2/, 'vit.encoder.layer.$1.output.dense'],
    [/^norm\./, 'vit.layernorm.'],
  ]
  type Tensors = Map<string, { shape: number[]; data: Float32Array }>

  /** A built network's weights in PyTorch's layout, under Hugging Face's names. */
  function tensorsOf(model: OnnxModel): Tensors {
    const tensors: Tensors = new Map()
    for (const [name, tensor] of model.graph.initializers) {
      if (tensor.type !== 'float32' || name.startsWith('constant')) continue
      const [rows, columns] = tensor.shape as [number, number]
      const turned =
        tensor.shape.length === 2
          ? tensor.data.map((_, i) => tensor.data[(i % rows) * columns + Math.floor(i / rows)]!)
          : tensor.data
      const shape = tensor.shape.length === 2 ? [columns, rows] : [...tensor.shape]
      const qkv = /^blocks\.(\d+)\.attn\.qkv\.(weight|bias)$/.exec(name)
      if (!qkv) {
        const [pattern, to] = NAMES.find(([known]) => known.test(name))!
        tensors.set(name.replace(pattern, to), { shape, data: turned })
        continue
      }
      ;['query', 'key', 'value'].forEach((part, at) => {
        const third = turned.length / 3
        tensors.set(`vit.encoder.layer.${qkv[1]}.attention.attention.${part}.${qkv[2]}`, {
          shape: [shape[0]! / 3, ...shape.slice(1)],
          data: turned.slice(at * third, (at + 1) * third),
        })
      })
    }
    return tensors
  }

  function safetensors(tensors: Tensors): Uint8Array {
    let at = 0
    const header = Object.fromEntries(
      [...tensors].map(([name, { shape, data: values }]) => [
        name,
        { dtype: 'F32', shape, data_offsets: [at, (at += values.byteLength)] },
      ]),
    )
    const text = Buffer.from(JSON.stringify(header))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(text.length))
    return Buffer.concat([
      length,
      text,
      ...[...tensors.values()].map(({ data: values }) =>
        Buffer.from(values.buffer, values.byteOffset, values.byteLength),
      ),
    ])
  }
  async function write(name: string, files: Readonly<Record<string, object | Uint8Array>>) {
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, name, path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, content instanceof Uint8Array ? content : JSON.stringify(content))
    }
    return join(folder, name)
  }
  const network = buildVit(options)
  const expected = async () => {
    const { token } = await tokensOf(network)
    return (image: number) => unitMean(token(image, 0))
  }

  it('weights alone, in one file or in shards', async () => {
    const tensors = [...tensorsOf(network)]
    const whole = await write('st', {
      'config.json': vitConfig,
      'preprocessor_config.json': processor,
      'model.safetensors': safetensors(new Map(tensors)),
    })
    expectVectors((await encode({ family: 'dino', model: whole })).data, await expected())
    const parts = [tensors.slice(0, 5), tensors.slice(5)]
    const weight_map = Object.fromEntries(
      parts.flatMap((part, at) => part.map(([name]) => [name, `model-${at}.safetensors`])),
    )
    const shards = await write('shards', {
      'config.json': vitConfig,
      'preprocessor_config.json': processor,
      'model.safetensors.index.json': { weight_map },
      ...Object.fromEntries(parts.map((part, at) => [`model-${at}.safetensors`, safetensors(new Map(part))])),
    })
    expectVectors((await encode({ family: 'dino', model: shards })).data, await expected())
    await rm(join(shards, 'model-1.safetensors'))
    await expect(encode({ family: 'dino', model: shards })).rejects.toMatchObject({ code: 'hub/not-found' })
  })

  it("DINOv2's weights, with the scales of its layers", async () => {
    const tensors = tensorsOf(network)
    const scaled: Tensors = new Map()
    for (const [name, tensor] of tensors) {
      const own = name
        .replace('vit.', 'dinov2.')
        .replace('layernorm_before', 'norm1')
        .replace('layernorm_after', 'norm2')
      scaled.set(
        own.replace(/intermediate\.dense/, 'mlp.fc1').replace(/(layer\.\d+)\.output\.dense/, '$1.mlp.fc2'),
        tensor,
      )
    }
    // Halved here and doubled by the scale, the layers are what they were.
    for (const [layer, scale] of [
      ['attention.output.dense', 'layer_scale1'],
      ['mlp.fc2', 'layer_scale2'],
    ] as const) {
      for (const part of ['weight', 'bias']) {
        const name = `dinov2.encoder.layer.0.${layer}.${part}`
        const { shape, data: values } = scaled.get(name)!
        const width = values.length / 8
        scaled.set(name, { shape, data: values.map((value, i) => value / (1 + Math.floor(i / width))) })
      }
      scaled.set(`dinov2.encoder.layer.0.${scale}.lambda1`, {
        shape: [8],
        data: Float32Array.from({ length: 8 }, (_, i) => 1 + i),
      })
    }
    const model = await write('dino2', {
      'config.json': { ...vitConfig, model_type: 'dinov2', layer_norm_eps: 1e-12, mlp_ratio: 4 },
      'preprocessor_config.json': processor,
      'model.safetensors': safetensors(scaled),
    })
    expectVectors((await encode({ family: 'dinov2', model })).data, await expected())
  })

  it('says what cannot be built', async () => {
    const files = { 'preprocessor_config.json': processor, 'model.safetensors': safetensors(tensorsOf(network)) }
    const quick = await write('quick', { ...files, 'config.json': { ...vitConfig, hidden_act: 'quick_gelu' } })
    await expect(encode({ family: 'dino', model: quick })).rejects.toMatchObject({
      code: 'encoder/config',
      message: expect.stringContaining('hidden_act') as string,
    })
    const pytorch = await write('pytorch', {
      'config.json': vitConfig,
      'preprocessor_config.json': processor,
      'pytorch_model.bin': new Uint8Array(3),
    })
    await expect(encode({ family: 'dino', model: pytorch })).rejects.toMatchObject({ code: 'hub/not-found' })
  })

  it('the layout of sentence-transformers', async () => {
    const bytes = writeModel(network)
    const modules = [
      { idx: 0, name: '0', path: '0_Transformer', type: 'sentence_transformers.models.Transformer' },
      { idx: 1, name: '1', path: '1_Pooling', type: 'sentence_transformers.models.Pooling' },
    ]
    const files = {
      'modules.json': modules,
      '0_Transformer/config.json': vitConfig,
      '0_Transformer/preprocessor_config.json': processor,
      'onnx/model.onnx': bytes,
    }
    const mean = await write('sentences', {
      ...files,
      '1_Pooling/config.json': { pooling_mode_cls_token: false, pooling_mode_mean_tokens: true },
    })
    const { token, count } = await tokensOf(network)
    expectVectors((await encode({ family: 'dino', model: mean })).data, (image) =>
      unitMean(...Array.from({ length: count - 1 }, (_, i) => token(image, i + 1))),
    )
    const odd = await write('sentences-odd', { ...files, '1_Pooling/config.json': { pooling_mode_max_tokens: true } })
    await expect(encode({ family: 'dino', model: odd })).rejects.toMatchObject({ code: 'hub/layout' })
  })

  it('what the caller changes of the preprocessing, and the rest as the repository says', async () => {
    const model = await write('changed', {
      'config.json': vitConfig,
      'preprocessor_config.json': processor,
      'onnx/model.onnx': writeModel(network),
    })
    const specOf = async (preprocessing?: PretrainedEncoderOptions['preprocessing']) => {
      const encoder = await createPretrainedEncoder({
        family: 'dino',
        model,
        preprocessing,
        cacheFolder: folder,
        threads: 1,
      })
      await encoder.dispose()
      return encoder.input.kind === 'pixels' ? encoder.input.preprocessing : undefined
    }
    const resize = { mode: 'shortest-edge', size: 18 } as const
    expect(await specOf({ resize })).toEqual({ ...(await specOf()), resize })
    await expect(specOf({ resize: { mode: 'shortest-edge', size: 0 } })).rejects.toMatchObject({
      code: 'config/invalid',
    })
  })

  it('the preprocessing inside a processor, or in the config of timm', async () => {
    const bytes = writeModel(network)
    const nested = await write('nested', {
      'config.json': vitConfig,
      'processor_config.json': { image_processor: processor },
      'onnx/model.onnx': bytes,
    })
    expectVectors((await encode({ family: 'dino', model: nested })).data, await expected())
    const pretrained_cfg = {
      input_size: [3, 16, 16],
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      crop_pct: 1,
      interpolation: 'bicubic',
    }
    const timm = await write('timm', {
      'config.json': { model_type: 'timm_wrapper', architecture: 'vit', pretrained_cfg },
      'onnx/model.onnx': bytes,
    })
    expectVectors((await encode({ family: 'dino', model: timm })).data, await expected())
  })
})
