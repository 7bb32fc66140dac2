import { createRandom } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  float32,
  type GraphBuilder,
  type OnnxModel,
  probe,
  sizeOf,
} from '@lookalike/onnx'
import { expect, it } from 'vitest'
import { buildConvNet } from '../../builder/build-conv-net.js'
import { buildVit, type VitOptions } from '../../builder/build-vit.js'
import { narrowTokens } from './narrow-tokens.js'

const random = createRandom('narrow-tokens')
const images = (count: number) =>
  float32(
    Float32Array.from({ length: count * 3 * 32 * 32 }, () => random.normal()),
    [count, 3, 32, 32],
  )

async function outputOf(model: OnnxModel, pixels: ReturnType<typeof images>) {
  const session = await createSession(model, { threads: 1 })
  const result = Object.values(await session.run({ pixel_values: pixels }))[0]!
  await session.dispose()
  return result
}

/** Multiply-adds of all MatMuls for one image. */
async function work(model: OnnxModel): Promise<number> {
  const { shapes } = await probe(model, { pixel_values: images(1) })
  return model.graph.nodes
    .filter(({ op }) => op === 'MatMul')
    .reduce((sum, { inputs, outputs }) => sum + sizeOf(shapes.get(outputs[0]!)!) * shapes.get(inputs[0]!)!.at(-1)!, 0)
}

/** Checks besides that what it says of the narrow network is what a run of that shows. */
async function narrowed(model: OnnxModel): Promise<OnnxModel> {
  const feeds = { pixel_values: images(2) }
  const narrow = narrowTokens(model, await probe(model, feeds))
  const { shapes, values } = await probe(narrow.model, feeds)
  for (const [name, shape] of shapes) expect([name, narrow.seen.shapes.get(name)]).toEqual([name, shape])
  for (const [name, value] of values) expect([name, narrow.seen.values.get(name)]).toEqual([name, value])
  return narrow.model
}

async function expectSame(model: OnnxModel, narrow: OnnxModel) {
  for (const count of [1, 2, 5]) {
    const pixels = images(count)
    const [expected, found] = [await outputOf(model, pixels), await outputOf(narrow, pixels)]
    expect(found.shape).toEqual(expected.shape)
    ;(found.data as Float32Array).forEach((value, i) =>
      expect(value).toBeCloseTo((expected.data as Float32Array)[i]!, 5),
    )
  }
}

const vit = (options: Partial<VitOptions> = {}) =>
  buildVit({ imageSize: 32, patchSize: 8, dim: 24, depth: 2, heads: 2, seed: 3, ...options })

it.each<[string, Partial<VitOptions>, number, number]>([
  ['the class token', {}, 17, 1],
  ['class and distillation token', { distillation: true, embeddingDim: 8 }, 18, 2],
  ['the class token beside registers', { registers: 3 }, 20, 1],
])('computes only %s in the last block, with the same result', async (_, options, tokens, read) => {
  const model = vit(options)
  const narrow = await narrowed(model)
  await expectSame(model, narrow)
  // Of the last block's 12 parts QKV is needed whole; projection 1, MLP 8, and of attention scores and mixing are not.
  expect((await work(model)) - (await work(narrow))).toBe((tokens - read) * (9 * 24 ** 2 + 2 * tokens * 24))
})

it('leaves networks without a chosen token alone', async () => {
  for (const model of [
    vit({ pooling: 'mean' }),
    vit({ pooling: 'none' }),
    buildConvNet({ imageSize: 32, widths: [8], depths: [1], embeddingDim: 4 }),
  ]) {
    const narrow = await narrowed(model)
    expect(narrow.graph.nodes.map(({ op }) => op)).toEqual(model.graph.nodes.map(({ op }) => op))
  }
})

/** As PyTorch exports it: separate Q, K and V, layer norms in pieces, shapes computed on the way. */
function exported(): OnnxModel {
  const g = createGraphBuilder({ opset: 17 })
  const dim = 12
  const heads = 3
  let weights = 0
  const weight = (shape: number[]) =>
    g.initializer(
      `w${weights++}`,
      float32(
        Float32Array.from({ length: sizeOf(shape) }, () => random.normal() / 4),
        shape,
      ),
    )
  const linear = (x: string, from: number, to: number) => g.add(g.matMul(x, weight([from, to])), weight([to]))
  const sizeAt = (x: string, axis: number) => g.unsqueeze(g.gather(g.node('Shape', [x]), g.integers(axis), 0), [0])
  const toShape = (x: string, parts: string[]) => g.node('Reshape', [x, g.concat(parts, 0)])
  const norm = (x: string) => {
    const centred = g.sub(x, g.reduceMean(x, [-1]))
    const variance = g.reduceMean(g.node('Pow', [centred, g.floats(2)]), [-1])
    return g.add(g.mul(g.div(centred, g.sqrt(g.add(variance, g.floats(1e-6)))), weight([dim])), weight([dim]))
  }
  const split = (x: string) =>
    g.transpose(toShape(x, [sizeAt(x, 0), sizeAt(x, 1), g.integers([heads]), g.integers([dim / heads])]), [0, 2, 1, 3])
  let x = g.transpose(g.reshape(g.input('pixel_values', 'float32', ['N', 3, 32, 32]), [0, dim, 256]), [0, 2, 1])
  for (let block = 0; block < 2; block++) {
    const normed = norm(x)
    const [q, k, v] = [0, 1, 2].map(() => split(linear(normed, dim, dim))) as [string, string, string]
    const scores = g.div(g.matMul(q, g.transpose(k, [0, 1, 3, 2])), g.floats(2))
    const context = g.transpose(g.matMul(g.softmax(scores), v), [0, 2, 1, 3])
    const merged = toShape(context, [sizeAt(context, 0), sizeAt(context, 1), g.integers([dim])])
    x = g.add(linear(merged, dim, dim), x)
    x = g.add(linear(gelu(g, linear(norm(x), dim, 4 * dim)), 4 * dim, dim), x)
  }
  g.output(g.gather(norm(x), g.integers(0), 1), 'embedding', { shape: ['N', dim] })
  return g.build()
}
const gelu = (g: GraphBuilder, x: string) =>
  g.mul(g.mul(x, g.add(g.erf(g.div(x, g.floats(Math.SQRT2))), g.floats(1))), g.floats(0.5))

it('goes through layer norms in pieces and computed shapes', async () => {
  const model = exported()
  const narrow = await narrowed(model)
  await expectSame(model, narrow)
  // Here Q is a product of its own and narrowed too.
  expect((await work(model)) - (await work(narrow))).toBe(255 * (10 * 12 ** 2 + 2 * 256 * 12))
})
