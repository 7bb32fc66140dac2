import { createRandom } from '@lookalike/core'
import { buildConvNet, buildVit, type VitOptions } from '@lookalike/encoders'
import {
  createGraphBuilder,
  createSession,
  cutGraph,
  type Feeds,
  float32,
  type OnnxModel,
  readModel,
  writeModel,
} from '@lookalike/onnx'
import { describe, expect, it } from 'vitest'
import { buildPairModel, type PairModelOptions } from './build-pair-model.js'
import { halfOf, imagePart, pairPart } from './pair-parts.js'
import { NAMES, readPairSpec } from './pair-spec.js'

const SIZE = 32
const vitOptions = { imageSize: SIZE, patchSize: 8, dim: 24, depth: 4, heads: 3, seed: 3 } satisfies VitOptions
const preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: SIZE, height: SIZE },
  interpolation: 'bicubic',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
} as const

function images(count: number, seed: number, height = SIZE, width = SIZE) {
  const random = createRandom(seed)
  return float32(
    Float32Array.from({ length: count * 3 * height * width }, () => random.normal()),
    [count, 3, height, width],
  )
}
async function run(model: OnnxModel, feeds: Feeds, output: string): Promise<number[]> {
  const session = await createSession(model, { threads: 1 })
  const result = await session.run(feeds, { outputs: [output] })
  await session.dispose()
  return [...(result[output]!.data as Float32Array)]
}
/** A model with another tensor of its inside as its output. */
const showing = (model: OnnxModel, name: string): OnnxModel => ({
  ...model,
  graph: cutGraph(model.graph, [], [{ name, type: 'float32' }]),
})
const expectClose = (a: readonly number[], b: readonly number[], digits = 5) => {
  expect(a).toHaveLength(b.length)
  a.forEach((value, i) => expect(value).toBeCloseTo(b[i]!, digits))
}
const encoderOf = (model: OnnxModel) => ({ model, output: 'embedding', preprocessing })
const pairOf = (options: PairModelOptions, vit: Partial<VitOptions> = {}) =>
  buildPairModel(encoderOf(buildVit({ ...vitOptions, ...vit })), options)

/** The kernel of onnxruntime's Resize as an oracle: cubic, a = -0.75, half-pixel centres. */
async function resizedByRuntime(
  values: Float32Array,
  dim: number,
  from: { rows: number; columns: number },
  to: { rows: number; columns: number },
) {
  const g = createGraphBuilder({ opset: 17 })
  const x = g.transpose(g.input('x', 'float32', [1, from.rows, from.columns, dim]), [0, 3, 1, 2])
  const resized = g.node('Resize', [x, '', '', g.integers([1, dim, to.rows, to.columns])], {
    mode: 'cubic',
    cubic_coeff_a: -0.75,
    coordinate_transformation_mode: 'half_pixel',
  })
  g.output(g.transpose(resized, [0, 2, 3, 1]), 'y')
  return run(g.build(), { x: float32(values, [1, from.rows, from.columns, dim]) }, 'y')
}

describe("the paper's pair model", () => {
  /** The encoder itself for the larger picture, positions resized by onnxruntime, run on stacked pixels. */
  async function tallFeatures(
    height: number,
    width: number,
    pixels: Float32Array,
    vit: Partial<VitOptions>,
  ): Promise<number[]> {
    const tall = buildVit({ ...vitOptions, ...vit, imageSize: [height, width], normalise: false })
    const small = buildVit({ ...vitOptions, ...vit })
    const prefix = vit.distillation ? 2 : 1
    const dim = vitOptions.dim
    const own = small.graph.initializers.get('pos_embed')!.data as Float32Array
    const grid = await resizedByRuntime(
      own.subarray(prefix * dim),
      dim,
      { rows: 4, columns: 4 },
      { rows: height / 8, columns: width / 8 },
    )
    const initializers = new Map(
      [...tall.graph.initializers].map(([name, tensor]) => [name, small.graph.initializers.get(name) ?? tensor]),
    )
    initializers.set(
      'pos_embed',
      float32([...own.subarray(0, prefix * dim), ...grid], [1, prefix + grid.length / dim, dim]),
    )
    // Zeros behind the leading tokens, one for each patch.
    for (const [name, tensor] of tall.graph.initializers)
      if (name.startsWith('constant')) initializers.set(name, tensor)
    return run(
      { ...tall, graph: { ...tall.graph, initializers } },
      { pixel_values: float32(pixels, [1, 3, height, width]) },
      'embedding',
    )
  }
  const headOf = (model: OnnxModel, features: number[]) => {
    const weight = model.graph.initializers.get('pair.head.fc1.weight')!
    const units = weight.shape[1]!
    return Array.from(
      { length: units },
      (_, j) =>
        1 /
        (1 +
          Math.exp(
            -features.reduce((sum, value, i) => sum + value * (weight.data as Float32Array)[i * units + j]!, 0),
          )),
    )
  }
  const [a, b] = [images(1, 1), images(1, 2)]
  const plane = SIZE * SIZE

  it.each<[string, Partial<VitOptions>]>([
    ['class token', {}],
    ['registers', { registers: 2 }],
    ['mean of the patches', { pooling: 'mean' }],
  ])('sees the query on top of the candidate (%s)', async (_, vit) => {
    const { model, spec } = await pairOf({ fusion: 0 }, vit)
    expect(spec).toMatchObject({ fusion: 0, stageOne: false, width: SIZE, height: SIZE })
    const stacked = new Float32Array(2 * a.data.length)
    for (let c = 0; c < 3; c++) {
      stacked.set(a.data.subarray(c * plane, (c + 1) * plane), 2 * c * plane)
      stacked.set(b.data.subarray(c * plane, (c + 1) * plane), (2 * c + 1) * plane)
    }
    const features = await tallFeatures(2 * SIZE, SIZE, stacked, vit)
    expectClose(
      await run(showing(model, NAMES.hidden), { query: a, candidate: b }, NAMES.hidden),
      headOf(model, features),
    )
    const [there] = await run(model, { query: a, candidate: b }, 'different')
    const [back] = await run(model, { query: b, candidate: a }, 'different')
    expect(Math.abs(there! - back!)).toBeGreaterThan(1e-6)
  })

  it('sees the query to the left of the candidate', async () => {
    const { model } = await pairOf({ fusion: 0, direction: 'horizontal' })
    const beside = new Float32Array(2 * a.data.length)
    for (let row = 0; row < 3 * SIZE; row++) {
      beside.set(a.data.subarray(row * SIZE, (row + 1) * SIZE), 2 * row * SIZE)
      beside.set(b.data.subarray(row * SIZE, (row + 1) * SIZE), (2 * row + 1) * SIZE)
    }
    expectClose(
      await run(showing(model, NAMES.hidden), { query: a, candidate: b }, NAMES.hidden),
      headOf(model, await tallFeatures(SIZE, 2 * SIZE, beside, {})),
    )
  })

  it("has the paper's head, and trains all but the positions that were replaced", async () => {
    const { model, head, trainable } = await pairOf({ fusion: 0 })
    expect(model.graph.initializers.get('pair.head.fc1.weight')!.shape).toEqual([24, 12])
    expect(model.graph.initializers.get('pair.head.fc2.weight')!.shape).toEqual([12, 1])
    expect(head.toSorted()).toEqual([
      'pair.head.fc1.bias',
      'pair.head.fc1.weight',
      'pair.head.fc2.weight',
      'pair.positions',
    ])
    expect(trainable).toContain('patch_embed.proj.weight')
    expect(trainable).toContain('pair.late.blocks.3.attn.qkv.weight')
    expect(trainable).not.toContain('pos_embed')
  })
})

describe('late fusion', () => {
  it('fuses the last quarter by default, and untrained ranks as the encoder does', async () => {
    const vit = buildVit(vitOptions)
    const { model, spec } = await pairOf({})
    expect(spec).toMatchObject({ fusion: 3, stageOne: true, tokens: [17, 24], embedding: 24 })
    const query = images(5, 1)
    const candidate = images(5, 2)
    const [e, f] = [
      await run(vit, { pixel_values: query }, 'embedding'),
      await run(vit, { pixel_values: candidate }, 'embedding'),
    ]
    const expected = Array.from({ length: 5 }, (_, i) => {
      const similarity = Array.from({ length: 24 }, (_x, d) => e[i * 24 + d]! * f[i * 24 + d]!).reduce(
        (sum, value) => sum + value,
      )
      return 1 / (1 + Math.exp(-(10 * (1 - similarity) - 5)))
    })
    expectClose(await run(model, { query, candidate }, 'different'), expected)
  })

  it('compares the images token by token', async () => {
    const { model, spec } = await pairOf({ fusion: 4, stageOne: false })
    const [count, dim] = spec.tokens
    const feeds = { [NAMES.query]: images(1, 1), [NAMES.candidate]: images(1, 2) }
    const [query, candidate] = [
      await run(showing(model, NAMES.queryTokens), feeds, NAMES.queryTokens),
      await run(showing(model, NAMES.candidateTokens), feeds, NAMES.candidateTokens),
    ]
    const { data: weight, shape } = model.graph.initializers.get('pair.head.fc1.weight')!
    const normed = (tokens: number[], row: number) => {
      const token = tokens.slice(row * dim, (row + 1) * dim)
      const mean = token.reduce((sum, value) => sum + value, 0) / dim
      const deviation = Math.sqrt(token.reduce((sum, value) => sum + (value - mean) ** 2, 0) / dim + 1e-6)
      return token.map((value) => (value - mean) / deviation)
    }
    const units = shape[1]!
    const expected = Array.from({ length: units }, () => 0)
    for (let row = 0; row < count; row++) {
      const [x, y] = [normed(query, row), normed(candidate, row)]
      const features = [...x.map((value, i) => value * y[i]!), ...x.map((value, i) => (value - y[i]!) ** 2)]
      for (let unit = 0; unit < units; unit++) {
        expected[unit]! +=
          1 /
          (1 +
            Math.exp(
              -features.reduce((sum, value, i) => sum + value * (weight as Float32Array)[i * units + unit]!, 0),
            )) /
          count
      }
    }
    expectClose(await run(showing(model, NAMES.hidden), feeds, NAMES.hidden), expected)
  })

  it.each<[string, () => OnnxModel, PairModelOptions]>([
    ['block 1', () => buildVit(vitOptions), { fusion: 1 }],
    ['the last block', () => buildVit(vitOptions), { fusion: 4, stageOne: false }],
    ['block 3, mean', () => buildVit({ ...vitOptions, pooling: 'mean' }), { fusion: 3, stageOne: false }],
    ['a conv stem, stacked', () => buildVit({ ...vitOptions, dim: 24, stem: 'conv' }), { fusion: 0, stageOne: true }],
    [
      'feature maps',
      () => buildConvNet({ imageSize: SIZE, widths: [16, 32], embeddingDim: 16 }),
      { dim: 64, blocks: 1, stageOne: false },
    ],
  ])('in two parts and in any batch is the same as whole: %s', async (_, build, options) => {
    const { model, spec } = await buildPairModel(encoderOf(build()), options)
    const query = images(3, 1)
    const candidate = images(3, 2)
    const whole = await run(model, { query, candidate }, 'different')
    expect(new Set(whole.map((value) => value.toFixed(7))).size).toBe(3)

    const part = async (pixels: typeof query) => {
      const session = await createSession(imagePart(model, spec))
      const result = await session.run({ [NAMES.pixels]: pixels })
      await session.dispose()
      return result
    }
    const [q, c] = [await part(query), await part(candidate)]
    const feeds: Feeds = {
      [halfOf(NAMES.queryTokens)]: q[halfOf(NAMES.tokens)]!,
      [halfOf(NAMES.candidateTokens)]: c[halfOf(NAMES.tokens)]!,
      ...(spec.stageOne && {
        [NAMES.queryEmbedding]: q[NAMES.embeddings]!,
        [NAMES.candidateEmbedding]: c[NAMES.embeddings]!,
      }),
    }
    // Half precision has 11 bits.
    expectClose(await run(pairPart(model, spec), feeds, 'different'), whole, 3)
    const alone = { query: images(1, 1), candidate: images(1, 2) }
    expectClose(await run(model, alone, 'different'), whole.slice(0, 1))
  })

  it('survives its file', async () => {
    const { model, spec } = await pairOf({ fusion: 2 })
    const read = readModel(writeModel(model))
    expect(readPairSpec(read, 'pair.onnx')).toEqual(spec)
    const feeds = { query: images(2, 1), candidate: images(2, 2) }
    expect(await run(read, feeds, 'different')).toEqual(await run(model, feeds, 'different'))
    expect(() => readPairSpec(buildVit(vitOptions), 'vit.onnx')).toThrow(
      expect.objectContaining({ code: 'pair/not-a-pair-model' }),
    )
  })
})

describe('encoders that cannot be cut', () => {
  it('says how many blocks there are', async () => {
    await expect(pairOf({ fusion: 5 })).rejects.toMatchObject({
      code: 'pair/cut',
      message: expect.stringContaining('0 to 4'),
    })
    await expect(
      buildPairModel(encoderOf(buildConvNet({ imageSize: SIZE, widths: [16] })), { fusion: 2 }),
    ).rejects.toMatchObject({ code: 'pair/cut' })
  })

  it('says how fine the feature maps are', async () => {
    const net = encoderOf(
      buildConvNet({ imageSize: SIZE, stem: { kernel: 3, stride: 2 }, widths: [8, 24], depths: [1, 1] }),
    )
    const tokens = async (grid?: number) => (await buildPairModel(net, grid === undefined ? {} : { grid })).spec.tokens
    expect(await tokens()).toEqual([(SIZE / 4) ** 2, 24])
    expect(await tokens(SIZE / 4)).toEqual([(SIZE / 4) ** 2, 24])
    expect(await tokens(SIZE / 4 + 1)).toEqual([(SIZE / 2) ** 2, 8])
    await expect(tokens(SIZE + 1)).rejects.toMatchObject({
      code: 'pair/cut',
      message: expect.stringContaining(`at most ${SIZE / 2}`),
    })
  })

  it('says that there are no positions to stack', async () => {
    const vit = buildVit(vitOptions)
    const graph = {
      ...vit.graph,
      initializers: new Map(
        [...vit.graph.initializers].map(([name, tensor]) => [name, name === 'pos_embed' ? float32([0]) : tensor]),
      ),
    }
    await expect(buildPairModel(encoderOf({ ...vit, graph }), { fusion: 0 })).rejects.toMatchObject({
      code: 'pair/positions',
    })
    expect((await buildPairModel(encoderOf({ ...vit, graph }), { fusion: 2 })).spec.fusion).toBe(2)
  })

  it('says that layers are written for a fixed number of tokens', async () => {
    const g = createGraphBuilder({ opset: 17 })
    const x = g.reshape(g.input('x', 'float32', ['N', 3, SIZE, SIZE]), [-1, 16, 192])
    const attended = g.add(x, g.matMul(g.softmax(g.matMul(x, g.transpose(x, [0, 2, 1]))), x))
    const fixed = g.reshape(g.reshape(attended, [-1, 16, 192]), [-1, 16, 192])
    const second = g.add(
      fixed,
      g.matMul(g.softmax(g.matMul(fixed, g.transpose(fixed, [0, 2, 1]))), g.reshape(fixed, [-1, 16, 192])),
    )
    g.output(
      g.reduceMean(g.mul(second, g.initializer('gain', float32(new Float32Array(192).fill(2)))), [1], false),
      'embedding',
      { shape: ['N', 192] },
    )
    await expect(buildPairModel(encoderOf(g.build()), { fusion: 1 })).rejects.toMatchObject({ code: 'pair/cut' })
  })

  it('says when there are neither tokens nor maps', async () => {
    const g = createGraphBuilder({ opset: 17 })
    const flat = g.flatten(g.input('x', 'float32', ['N', 3, SIZE, SIZE]))
    g.output(
      g.matMul(flat, g.initializer('w', float32(new Float32Array(3 * SIZE * SIZE * 4), [3 * SIZE * SIZE, 4]))),
      'embedding',
      { shape: ['N', 4] },
    )
    await expect(buildPairModel(encoderOf(g.build()))).rejects.toMatchObject({ code: 'pair/encoder' })
  })
})
