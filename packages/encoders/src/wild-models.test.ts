import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Preprocessing, Warning } from '@lookalike/core'
import { createGraphBuilder, float32, type GraphBuilder, type OnnxModel, writeModel } from '@lookalike/onnx'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { buildVit } from './builder/build-vit.js'
import { createOnnxEncoder, type OnnxEncoderOptions } from './create-onnx-encoder.js'

const fixtures = new URL('../fixtures/', import.meta.url)
const fixture = (name: string) => fileURLToPath(new URL(`wild/${name}.onnx`, fixtures))

const preprocessingOf = (size: number, extra: Partial<Preprocessing> = {}): Preprocessing => ({
  resize: { mode: 'squash' },
  crop: { width: size, height: size },
  interpolation: 'bicubic',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
  ...extra,
})

/** Three images, of which fixtures/wild.py has the same. */
function pixelsOf(size: number): Float32Array {
  return Float32Array.from({ length: 9 * size * size }, (_, i) => (((i * 37) % 251) / 255 - 0.5) / 0.5)
}

async function encode(options: OnnxEncoderOptions, data: Float32Array) {
  const warnings: Warning[] = []
  const encoder = await createOnnxEncoder({ threads: 1, onWarning: (warning) => warnings.push(warning), ...options })
  const result = await encoder.encode({ kind: 'pixels', data, count: 3 }).finally(() => encoder.dispose())
  return { data: result.data, dim: result.dim, codes: warnings.map(({ code }) => code), warnings }
}

const goldens = JSON.parse(await readFile(new URL('wild.json', fixtures), 'utf8')) as Record<string, number[]>

describe('models as people have them give what ONNX says', () => {
  const warned: Record<string, string[]> = {
    'matmul-vector': ['encoder/optimisation'],
    'hidden-batch1': ['encoder/one-image'],
  }
  test.each(Object.keys(goldens))('%s', async (name) => {
    const size = name === 'matmul-vector' ? 16 : 32
    const { data, codes } = await encode({ model: fixture(name), preprocessing: preprocessingOf(size) }, pixelsOf(size))
    const golden = goldens[name]!
    expect(data).toHaveLength(golden.length)
    const error = Math.max(...data.map((value, i) => Math.abs(value - golden[i]!)))
    expect(error).toBeLessThan(name === 'fp16-noshape' ? 3e-3 : 2e-5)
    expect(codes).toEqual(warned[name] ?? [])
  })

  /** Ends of a network, and how they are read. */
  const ends: Readonly<Record<string, readonly [(g: GraphBuilder, x: string) => string, Partial<OnnxEncoderOptions>]>> =
    {
      vector: [(g, x) => g.gemm(g.flatten(g.globalAveragePool(x)), g.initializer('w2', wave(8, 16))), {}],
      projected: [(g, x) => g.flatten(g.globalAveragePool(x)), { projection: { dim: 4 } }],
      picture: [(_, x) => x, {}],
      'class token': [(g, x) => g.transpose(g.reshape(x, [0, 8, -1]), [0, 2, 1]), { pooling: 'class-token' }],
      'mean of tokens': [(g, x) => g.transpose(g.reshape(x, [0, 8, -1]), [0, 2, 1]), { pooling: 'mean' }],
      'distilled mean': [(g, x) => g.transpose(g.reshape(x, [0, 8, -1]), [0, 2, 1]), { pooling: 'distilled-mean' }],
    }
  const wave = (...shape: number[]) =>
    float32(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * 1.3) / 4),
      shape,
    )

  test.each(Object.keys(ends))('in every opset from 7 to 24 the same: %s', async (name) => {
    const [end, reading] = ends[name]!
    const run = async (opset: number, bytes: boolean) => {
      const g = createGraphBuilder({ opset })
      const given = bytes ? g.input('image', 'uint8', ['N', 16, 16, 3]) : g.input('image', 'float32', ['N', 3, 16, 16])
      const x = bytes ? g.transpose(g.cast(given, 'float32'), [0, 3, 1, 2]) : given
      g.output(end(g, g.relu(g.conv(x, g.initializer('w', wave(8, 3, 4, 4)), undefined, { strides: [4, 4] }))), 'out')
      return encode(
        { ...reading, name: 'old', model: writeModel(g.build()), preprocessing: preprocessingOf(16) },
        pixelsOf(16),
      )
    }
    for (const bytes of name === 'vector' ? [false, true] : [false]) {
      const { data } = await run(17, bytes)
      for (let opset = 7; opset <= 24; opset++) {
        const other = await run(opset, bytes)
        expect(other.codes).toEqual([])
        data.forEach((value, i) => expect(other.data[i], `opset ${opset}`).toBeCloseTo(value, 5))
      }
    }
  })

  it('takes pixels that lie channel by channel into a model that wants them place by place, and the other way round', async () => {
    const channels = 3
    const planar = pixelsOf(32)
    const interleaved = planar.map((_, i) => {
      const [image, place, channel] = [Math.floor(i / 3072), Math.floor((i % 3072) / channels), i % channels]
      return planar[image * 3072 + channel * 1024 + place]!
    })
    for (const name of ['grey', 'uint8-nhwc']) {
      const one = await encode({ model: fixture(name), preprocessing: preprocessingOf(32) }, planar)
      const other = await encode(
        { model: fixture(name), preprocessing: preprocessingOf(32, { layout: 'nhwc' }) },
        interleaved,
      )
      one.data.forEach((value, i) => expect(other.data[i]).toBeCloseTo(value, 5))
    }
  })

  it('undoes the normalisation of each colour, in either order, for a model that takes bytes', async () => {
    const g = createGraphBuilder()
    const bytes = g.input('image', 'uint8', ['N', 3, 8, 8])
    g.output(g.reduceMean(g.cast(bytes, 'float32'), [2, 3], false), 'features', { shape: ['N', 3] })
    const colours = [10, 100, 200]
    for (const channels of ['rgb', 'bgr'] as const) {
      const spec = preprocessingOf(8, { channels, mean: [0.1, 0.2, 0.3], std: [0.4, 0.5, 0.6] })
      const data = new Float32Array(3 * 3 * 64)
      data.forEach((_, i) => {
        const channel = Math.floor(i / 64) % 3
        const colour = channels === 'rgb' ? channel : 2 - channel
        data[i] = (colours[colour]! / 255 - spec.mean[colour]!) / spec.std[colour]!
      })
      const result = await encode({ model: writeModel(g.build()), preprocessing: spec, normalise: false }, data)
      expect([...result.data.subarray(0, 3)]).toEqual(channels === 'rgb' ? colours : colours.toReversed())
    }
  })
})

describe('outputs', () => {
  const flat = (g: GraphBuilder) => g.flatten(g.input('pixels', 'float32', ['N', 3, 8, 8]))
  const weight = (g: GraphBuilder, columns: number) =>
    g.constant(
      float32(
        Float32Array.from({ length: 192 * columns }, (_, i) => Math.sin(i)),
        [192, columns],
      ),
    )
  const model = (build: (g: GraphBuilder, x: string) => void): Uint8Array => {
    const g = createGraphBuilder()
    build(g, flat(g))
    return writeModel(g.build())
  }
  const run = (bytes: Uint8Array) => encode({ model: bytes, preprocessing: preprocessingOf(8) }, pixelsOf(8))

  it('that could both be meant are asked about, with their names and shapes', async () => {
    const two = model((g, x) => {
      g.output(g.matMul(x, weight(g, 5)), 'first', { shape: ['N', 5] })
      g.output(g.matMul(x, weight(g, 7)), 'second', { shape: ['N', 7] })
    })
    await expect(run(two)).rejects.toMatchObject({
      code: 'encoder/output',
      message: expect.stringMatching(/first \[N, 5\], second \[N, 7\]/),
    })
  })

  it.each(['logits', 'class_scores', 'output_probabilities'])('%s beside another are passed over', async (scores) => {
    const two = model((g, x) => {
      g.output(g.matMul(x, weight(g, 5)), scores, { shape: ['N', 5] })
      g.output(g.matMul(x, weight(g, 7)), 'x1', { shape: ['N', 7] })
    })
    expect(await run(two)).toMatchObject({ dim: 7, codes: [] })
  })

  it('of a classifier are taken with a warning that names the tensor before its last layer', async () => {
    const classifier = model((g, x) => {
      const features = g.relu(g.matMul(x, weight(g, 9)), { name: 'features' })
      const last = g.constant(
        float32(
          Float32Array.from({ length: 9000 }, (_, i) => Math.cos(i)),
          [9, 1000],
        ),
      )
      g.output(g.softmax(g.matMul(features, last)), 'out', { shape: ['N', 1000] })
    })
    const { dim, codes, warnings } = await run(classifier)
    expect([dim, codes]).toEqual([1000, ['encoder/class-scores']])
    expect(warnings[0]!.message).toContain('`output` to features')
    const before = await encode(
      { model: classifier, preprocessing: preprocessingOf(8), output: 'features' },
      pixelsOf(8),
    )
    expect(before).toMatchObject({ dim: 9, codes: [] })
  })
})

describe('the check of a network', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lookalike-check-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** Two rows of four become one of eight: nothing fails, and it is wrong. */
  const mixed = (): OnnxModel => {
    const g = createGraphBuilder()
    const x = g.reduceMean(g.input('pixels', 'float32', ['N', 3, 8, 8]), [2], false)
    g.output(g.reshape(x, [1, -1]), 'embedding', { shape: ['N', 24] })
    return g.build()
  }

  it('notices images that run together, and keeps what it found', async () => {
    const options = { model: writeModel(mixed()), name: folder, preprocessing: preprocessingOf(8), cacheFolder: folder }
    const first = await encode(options, pixelsOf(8))
    expect(first).toMatchObject({ dim: 24, codes: ['encoder/one-image'] })
    expect((await stat(join(folder, 'model-checks'))).isDirectory()).toBe(true)
    const again = await encode(options, pixelsOf(8))
    expect(again).toEqual(first)
  })

  it.each([
    ['batch normalisation', (g: GraphBuilder, x: string) => g.sub(x, g.reduceMean(x, [0])), 'evaluation mode'],
    [
      'dynamic quantisation',
      (g: GraphBuilder, x: string) => {
        const [low, scale, zero] = g.nodes('DynamicQuantizeLinear', [g.mul(x, g.reduceSum(g.abs(x), [1]))], 3)
        return g.node('DequantizeLinear', [low!, scale!, zero!])
      },
      'statically',
    ],
  ])('notices images that run into each other by %s, and keeps them apart', async (_, end, advice) => {
    const network = (batch: number | string) => {
      const g = createGraphBuilder()
      const x = g.flatten(g.input('pixels', 'float32', [batch, 3, 8, 8]))
      g.output(end(g, x), 'embedding', { shape: [batch, 192] })
      return writeModel(g.build())
    }
    const options = { name: 'mixed', preprocessing: preprocessingOf(8) }
    const pixels = pixelsOf(8)
    const { data, warnings } = await encode({ ...options, model: network('N') }, pixels)
    expect(warnings).toMatchObject([{ code: 'encoder/mixed-images', message: expect.stringContaining(advice) }])
    const others = await encode(
      { ...options, model: network('N') },
      pixels.map((value, i) => (i < 192 ? value : -value)),
    )
    expect(others.data.subarray(0, 192)).toEqual(data.subarray(0, 192))
    expect((await encode({ ...options, model: network(2) }, pixels)).codes).toEqual(['encoder/mixed-images'])
  })

  it('keeps the network as it rewrote it, and makes it again where the file is damaged', async () => {
    const vit = buildVit({ imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 2, seed: 3 })
    const model = writeModel(vit)
    const options = { model, name: folder, preprocessing: preprocessingOf(16), cacheFolder: folder }
    const first = await encode(options, pixelsOf(16))
    const [name] = (await readdir(join(folder, 'model-checks'))).filter((each) => each.endsWith('.rewritten'))
    const file = join(folder, 'model-checks', name!)
    const bytes = await readFile(file)
    expect(bytes.length).toBeLessThan(0.6 * model.length)
    const { ino } = await stat(file)
    expect(await encode(options, pixelsOf(16))).toEqual(first)
    expect((await stat(file)).ino).toBe(ino)
    for (const damaged of [bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1), bytes.subarray(0, 40), Buffer.of()]) {
      await writeFile(file, damaged)
      expect(await encode(options, pixelsOf(16))).toEqual(first)
      expect(await readFile(file)).toEqual(bytes)
    }
  })

  it('does without a folder that cannot be written to', async () => {
    const file = fixture('opset22')
    const options = { model: file, preprocessing: preprocessingOf(32), cacheFolder: join(file, 'below') }
    expect((await encode(options, pixelsOf(32))).codes).toEqual([])
  })
})
