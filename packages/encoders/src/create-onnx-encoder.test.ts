import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, isLookalikeError, type Preprocessing } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  float32,
  type GraphBuilder,
  type OnnxModel,
  readModel,
  writeModel,
} from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildVit } from './builder/build-vit.js'
import { createOnnxEncoder, type OnnxEncoderOptions } from './create-onnx-encoder.js'

const preprocessing: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 8, height: 8 },
  interpolation: 'bicubic',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
}
const random = createRandom('onnx-encoder')
const pixels = (count: number) => Float32Array.from({ length: count * 3 * 8 * 8 }, () => random.normal())
const three = pixels(3)

/** Tokens `[N, 3, 64]`: the three colour planes, so that every pooling can be computed by hand. */
function tokens(input: (g: GraphBuilder) => string = (g) => g.input('image', 'float32', ['N', 3, 8, 8])): OnnxModel {
  const g = createGraphBuilder({ opset: 17 })
  const planes = g.reshape(input(g), [0, 3, 64])
  g.output(planes, 'last_hidden_state', { shape: ['N', 3, 64] })
  g.output(g.reduceMean(planes, [1], false), 'pooler_output', { shape: ['N', 64] })
  return g.build()
}
async function encode(model: OnnxModel, options: Partial<OnnxEncoderOptions> = {}, data = three) {
  const encoder = await createOnnxEncoder({ model: writeModel(model), preprocessing, threads: 1, ...options })
  try {
    return await encoder.encode({ kind: 'pixels', data, count: data.length / 192 })
  } finally {
    await encoder.dispose()
  }
}
const plane = (data: Float32Array, image: number, colour: number) =>
  data.subarray((image * 3 + colour) * 64, (image * 3 + colour + 1) * 64)
const meanOf = (...planes: Float32Array[]) =>
  planes[0]!.map((_, i) => planes.reduce((sum, one) => sum + one[i]!, 0) / planes.length)
const unit = (vector: Float32Array) => vector.map((value) => value / Math.hypot(...vector))
const closeTo = (found: ArrayLike<number>, expected: Float32Array) => {
  expect(found).toHaveLength(expected.length)
  expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5))
}

describe('options in code', () => {
  const without = (key: keyof Preprocessing) =>
    Object.fromEntries(Object.entries(preprocessing).filter(([k]) => k !== key))
  it.each<[string, unknown]>([
    ['preprocessing.crop', without('crop')],
    ['preprocessing.resize', without('resize')],
    ['preprocessing.crop', { ...preprocessing, crop: null }],
    ['preprocessing.crop.height', { ...preprocessing, crop: { width: 8 } }],
    ['preprocessing.crop.width', { ...preprocessing, crop: { width: '8', height: 8 } }],
    ['preprocessing.mean', { ...preprocessing, mean: [0.5, 0.5] }],
    ['preprocessing.std', { ...preprocessing, std: null }],
    ['preprocessing.size', { ...preprocessing, size: 8 }],
    ['preprocessing', []],
    ['preprocessing', 'imagenet'],
  ])('names %s of an unfitting preprocessing: %j', async (key, given) => {
    const failed = encode(tokens(), { preprocessing: given as Preprocessing, pooling: 'mean' })
    await expect(failed).rejects.toMatchObject({ code: 'config/invalid', message: expect.stringContaining(key) })
  })

  it('fills in what has a default', async () => {
    const { resize, crop } = preprocessing
    const { data } = await encode(tokens(), { preprocessing: { resize, crop } as Preprocessing, pooling: 'none' })
    const right = await encode(tokens(), { pooling: 'none' })
    expect(data).toEqual(right.data)
  })

  it.each([undefined, null, 42, '', {}])('refuses the model %j', (model) =>
    expect(createOnnxEncoder({ model: model as string, preprocessing })).rejects.toMatchObject({
      code: 'encoder/model',
    }),
  )
})

describe('poolings', () => {
  it.each<[string, Partial<OnnxEncoderOptions>, (image: number) => Float32Array]>([
    ['class token', { output: 'last_hidden_state', pooling: 'class-token' }, (i) => plane(three, i, 0)],
    [
      'mean of the patches',
      { output: 'last_hidden_state', pooling: 'mean' },
      (i) => meanOf(plane(three, i, 1), plane(three, i, 2)),
    ],
    [
      'mean of all',
      { output: 'last_hidden_state', pooling: 'mean', prefixTokens: 0 },
      (i) => meanOf(...[0, 1, 2].map((c) => plane(three, i, c))),
    ],
    [
      'mean of the first two',
      { output: 'last_hidden_state', pooling: 'distilled-mean' },
      (i) => meanOf(plane(three, i, 0), plane(three, i, 1)),
    ],
    ["the model's own pooler, by default", {}, (i) => meanOf(...[0, 1, 2].map((c) => plane(three, i, c)))],
  ])('%s', async (_, options, expected) => {
    const { data, rows, dim } = await encode(tokens(), options)
    expect([rows, dim]).toEqual([3, 64])
    for (let i = 0; i < 3; i++) closeTo(data.subarray(i * 64, (i + 1) * 64), unit(expected(i)))
  })

  it('a picture is averaged, and one of 1 x 1 taken as it is', async () => {
    const picture = (pool: boolean) => {
      const g = createGraphBuilder()
      const x = g.input('x', 'float32', ['N', 3, 8, 8])
      g.output(pool ? g.globalAveragePool(x) : g.mul(x, g.floats(1)), 'features', {
        shape: pool ? ['N', 3, 1, 1] : ['N', 3, 8, 8],
      })
      return g.build()
    }
    const [whole, small] = [
      await encode(picture(false), { normalise: false }),
      await encode(picture(true), { normalise: false }),
    ]
    closeTo(
      whole.data,
      Float32Array.from({ length: 9 }, (_, i) => plane(three, Math.floor(i / 3), i % 3).reduce((a, b) => a + b) / 64),
    )
    closeTo(small.data, whole.data)
  })

  it('a projection is orthogonal and keeps lengths when it is square', async () => {
    const flat = { output: 'pooler_output', normalise: false } as const
    const [before, after] = [
      await encode(tokens(), flat),
      await encode(tokens(), { ...flat, projection: { dim: 64, seed: 3 } }),
    ]
    for (let i = 0; i < 3; i++) {
      expect(Math.hypot(...after.data.subarray(i * 64, (i + 1) * 64))).toBeCloseTo(
        Math.hypot(...before.data.subarray(i * 64, (i + 1) * 64)),
        4,
      )
    }
    expect(after.data[0]).not.toBeCloseTo(before.data[0]!, 3)
    expect((await encode(tokens(), { ...flat, projection: { dim: 5 } })).dim).toBe(5)
  })
})

describe('the network', () => {
  it('is complete: read again without options it gives the same vectors in the same space', async () => {
    const first = await createOnnxEncoder({
      model: writeModel(tokens()),
      preprocessing,
      name: 'net',
      output: 'last_hidden_state',
      pooling: 'class-token',
      threads: 1,
    })
    const bytes = await first.onnx!.bytes()
    const again = await createOnnxEncoder({ model: bytes, name: 'net', threads: 1 })
    const batch = { kind: 'pixels', data: three, count: 3 } as const
    expect(again.space).toBe(first.space)
    expect((await again.encode(batch)).data).toEqual((await first.encode(batch)).data)
    expect(readModel(bytes).graph.outputs.map(({ name }) => name)).toEqual([first.onnx!.output])
    await Promise.all([first.dispose(), again.dispose()])
  })

  it('has a space of its own for other weights, other preprocessing and another name, and none for other words', async () => {
    const model = buildVit({ imageSize: 8, patchSize: 4, dim: 8, depth: 1, heads: 2, seed: 1 })
    const space = async (network: OnnxModel, options: Partial<OnnxEncoderOptions> = {}) => {
      const encoder = await createOnnxEncoder({ model: writeModel(network), name: 'vit', threads: 1, ...options })
      await encoder.dispose()
      return encoder.space
    }
    const one = await space(model)
    expect(one).toMatch(/^vit@[0-9a-f]{16}$/)
    expect(await space({ ...model, producer: 'somebody', metadata: { ...model.metadata, note: 'again' } })).toBe(one)
    const others = [
      await space(buildVit({ imageSize: 8, patchSize: 4, dim: 8, depth: 1, heads: 2, seed: 2 })),
      await space(model, { preprocessing }),
      await space(model, { name: 'other' }),
    ]
    expect(new Set([one, ...others]).size).toBe(4)
  })

  it('reads half-precision inputs and outputs', async () => {
    const g = createGraphBuilder()
    const x = g.input('image', 'float16', ['N', 3, 8, 8])
    g.output(g.reshape(x, [0, 192]), 'flat', { type: 'float16', shape: ['N', 192] })
    const { data } = await encode(g.build(), { normalise: false })
    three.forEach((value, i) => expect(Math.abs(data[i]! - value)).toBeLessThan(2e-3))
  })

  it('finds out a shape that the model does not tell', async () => {
    const g = createGraphBuilder()
    g.output(g.reshape(g.input('image', 'float32', ['N', 3, 'height', 'width']), [0, -1]), 'flat')
    expect((await encode(g.build())).dim).toBe(192)
  })
})

describe('encoding', () => {
  it('gives the same vectors in pieces of any size, also of a model for a fixed number of images', async () => {
    const data = pixels(7)
    const whole = await encode(tokens(), {}, data)
    expect((await encode(tokens(), { batchSize: 3 }, data)).data).toEqual(whole.data)
    const fixed = tokens((g) => g.input('image', 'float32', [4, 3, 8, 8]))
    expect((await encode(fixed, { output: 'pooler_output' }, data)).data).toEqual(whole.data)
  })

  it('serves calls that overlap, and waits for them before it goes', async () => {
    const encoder = await createOnnxEncoder({ model: writeModel(tokens()), preprocessing, batchSize: 1, threads: 1 })
    const batch = (data: Float32Array) => ({ kind: 'pixels', data, count: data.length / 192 }) as const
    const inputs = [pixels(3), pixels(5), pixels(1)]
    const calls = inputs.map((data) => encoder.encode(batch(data)))
    const gone = encoder.dispose()
    for (const [i, call] of calls.entries())
      expect((await call).data).toEqual((await encode(tokens(), {}, inputs[i])).data)
    await gone
    await expect(encoder.encode(batch(three))).rejects.toMatchObject({ code: 'encoder/disposed' })
    await encoder.dispose()
  })

  it('stops between pieces', async () => {
    const stop = new AbortController()
    const encoder = await createOnnxEncoder({ model: writeModel(tokens()), preprocessing, batchSize: 1, threads: 1 })
    const call = encoder.encode({ kind: 'pixels', data: pixels(50), count: 50 }, { signal: stop.signal })
    setTimeout(() => stop.abort(new Error('enough')), 0)
    await expect(call).rejects.toThrow('enough')
    await encoder.dispose()
  })

  it('reports vectors that are not finite, by row', async () => {
    const data = three.slice()
    data[192 + 5] = NaN
    await expect(encode(tokens(), {}, data)).rejects.toMatchObject({
      code: 'embeddings/not-finite',
      fields: { row: 1 },
    })
  })

  it('refuses a batch of another kind or size', async () => {
    const encoder = await createOnnxEncoder({ model: writeModel(tokens()), preprocessing, threads: 1 })
    await expect(encoder.encode({ kind: 'bytes', images: [] })).rejects.toMatchObject({ code: 'encoder/batch' })
    await expect(encoder.encode({ kind: 'pixels', data: three, count: 2 })).rejects.toMatchObject({
      code: 'encoder/batch',
    })
    await encoder.dispose()
  })
})

describe('models that do not fit', () => {
  const withInput = (...[name, type, shape]: Parameters<GraphBuilder['input']>) => {
    const g = createGraphBuilder()
    const x = g.input(name, type, shape)
    g.output(g.flatten(type === 'float32' ? x : g.cast(x, 'float32')), 'flat', { shape: ['N', 192] })
    return g.build()
  }
  const alsoText = () => {
    const g = createGraphBuilder()
    const sum = g.reduceSum(g.cast(g.input('input_ids', 'int64', ['N', 7]), 'float32'), [1])
    g.output(g.mul(g.flatten(g.input('pixel_values', 'float32', ['N', 3, 8, 8])), sum), 'image_embeds', {
      shape: ['N', 192],
    })
    return g.build()
  }
  it.each<[string, OnnxModel, Partial<OnnxEncoderOptions>, string, string]>([
    ['another number of dimensions', withInput('x', 'float32', ['N', 192]), {}, 'encoder/input', 'x float32[N, 192]'],
    ['two channels', withInput('x', 'float32', ['N', 2, 8, 12]), {}, 'encoder/input-shape', '[N, 2, 8, 12]'],
    ['another size', withInput('x', 'float32', ['N', 3, 16, 4]), {}, 'encoder/input-shape', '[N, 3, 16, 4]'],
    ['another type', withInput('x', 'int64', ['N', 3, 8, 8]), {}, 'encoder/input-type', 'int64'],
    ['text beside the image', alsoText(), {}, 'encoder/input', 'input_ids'],
    ['no such input', tokens(), { input: 'pixels' }, 'encoder/input', 'no input pixels'],
    ['no such output', tokens(), { output: 'embeds' }, 'encoder/output', 'pooler_output [N, 64]'],
    ['tokens without a pooling', tokens(), { output: 'last_hidden_state' }, 'encoder/pooling', '[N, 3, 64]'],
    [
      'a pooling of vectors',
      tokens(),
      { output: 'pooler_output', pooling: 'mean' },
      'encoder/pooling',
      'nothing to pool',
    ],
  ])('%s', async (_, model, options, code, named) => {
    const fault: unknown = await encode(model, options).catch((error: unknown) => error)
    expect(isLookalikeError(fault, code) && fault.message).toContain(named)
  })

  it('a file that is no ONNX, and one without preprocessing', async () => {
    await expect(createOnnxEncoder({ model: new TextEncoder().encode('<html>404</html>') })).rejects.toMatchObject({
      code: 'onnx/not-onnx',
    })
    await expect(createOnnxEncoder({ model: writeModel(tokens()) })).rejects.toMatchObject({
      code: 'encoder/preprocessing',
    })
    await expect(
      createOnnxEncoder({ model: writeModel({ ...tokens(), metadata: { 'lookalike.preprocessing': '{}' } }) }),
    ).rejects.toMatchObject({ code: 'preprocessing/metadata' })
  })
})

describe('a file', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lookalike-onnx-encoder-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('takes its name from itself and its preprocessing from beside it', async () => {
    await writeFile(join(folder, 'planes.onnx'), writeModel(tokens()))
    await writeFile(
      join(folder, 'preprocessor_config.json'),
      JSON.stringify({ image_processor_type: 'ViTImageProcessor', size: 8 }),
    )
    const encoder = await createOnnxEncoder({ model: join(folder, 'planes.onnx'), threads: 1 })
    expect([encoder.name, encoder.input]).toMatchObject([
      'planes',
      { preprocessing: { crop: { width: 8, height: 8 }, interpolation: 'bilinear' } },
    ])
    await encoder.dispose()
  })
})

it('runs attention fused, and gives the network away without', async () => {
  const model = buildVit({ imageSize: 8, patchSize: 4, dim: 12, depth: 3, heads: 3, seed: 5 })
  const encoder = await createOnnxEncoder({ model: writeModel(model), preprocessing, threads: 1 })
  const { data } = await encoder.encode({ kind: 'pixels', data: three, count: 3 })
  const bytes = await encoder.onnx!.bytes()
  await encoder.dispose()
  const given = readModel(bytes)
  expect(given.graph.nodes.every(({ domain }) => domain === '')).toBe(true)
  const session = await createSession(given, { threads: 1 })
  const plain = await session.run({ pixel_values: float32(three, [3, 3, 8, 8]) })
  await session.dispose()
  closeTo(data, plain['embedding']!.data as Float32Array)
})
