import { expect, test } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { probe } from '../gradient/probe.js'
import { float16ToFloat32, float32ToFloat16 } from '../model/half.js'
import type { OnnxModel } from '../model/model.js'
import { readModel } from '../model/read-model.js'
import { float32, type TensorOf } from '../model/tensor.js'
import { writeModel } from '../model/write-model.js'
import { createSession } from '../session/create-session.js'
import type { Feeds } from '../session/open-session.js'
import { connectModels } from './connect-models.js'
import { extractModel } from './extract-model.js'
import { toFull, toHalf, toInt8 } from './shrink-weights.js'
import { withInitializers } from './with-initializers.js'

async function run(model: OnnxModel, feeds: Feeds) {
  const session = await createSession(model)
  const results = await session.run(feeds)
  await session.dispose()
  return results
}

/** y = relu(x W) + b, with W [3, 2]. */
function layer() {
  const g = createGraphBuilder()
  const x = g.input('x', 'float32', ['N', 3])
  const product = g.matMul(x, g.initializer('w', float32([1, 0, 0, 1, 1, -1], [3, 2])), { outputs: ['product'] })
  const constant = g.node('Constant', [], { value: float32([10, 20]) }, { outputs: ['b'] })
  g.output(g.add(g.relu(product, { outputs: ['positive'] }), constant), 'y')
  return g.build()
}
const x = float32([1, 2, 3, 4, 5, 7], [2, 3])

test('a part of a model', async () => {
  const first = extractModel(layer(), { outputs: ['product'] })
  expect(first.graph.nodes.map(({ op }) => op)).toEqual(['MatMul'])
  expect((await run(first, { x }))['product']).toEqual(float32([4, -1, 11, -2], [2, 2]))
  const second = extractModel(layer(), { inputs: ['positive'] })
  expect(second.graph.initializers.size).toBe(0)
  expect((await run(second, { positive: float32([1, 2], [1, 2]) }))['y']).toEqual(float32([11, 22], [1, 2]))
  expect(() => extractModel(layer(), { outputs: ['nothing'] })).toThrow(
    expect.objectContaining({ code: 'onnx/tensor-name' }),
  )
  expect(() => extractModel(layer(), { inputs: ['b'] })).toThrow(
    expect.objectContaining({ code: 'onnx/cut', fields: { missing: ['x'] } }),
  )
})

test('a model on top of another, with clashing names', async () => {
  const g = createGraphBuilder()
  g.output(g.matMul(g.input('x', 'float32', ['N', 2]), g.initializer('w', float32([1, 1], [2, 1]))), 'z')
  const both = connectModels(layer(), g.build(), { keep: ['y'] })
  expect(await run(both, { x })).toEqual({ y: float32([14, 20, 21, 20], [2, 2]), z: float32([34, 41], [2, 1]) })
  const old = createGraphBuilder({ opset: 13 })
  old.output(old.relu(old.input('x', 'float32', [])), 'z')
  expect(() => connectModels(layer(), old.build())).toThrow(expect.objectContaining({ code: 'onnx/connect' }))
  expect(() => connectModels(layer(), g.build(), { feed: { x: 'no' } })).toThrow(
    expect.objectContaining({ code: 'onnx/connect' }),
  )
})

test('other values for weights, in initializers and in Constant nodes', async () => {
  const changed = withInitializers(layer(), [
    ['w', float32([0, 0, 0, 0, 0, 1], [3, 2])],
    ['b', float32([1, 2])],
  ])
  expect((await run(changed, { x }))['y']).toEqual(float32([1, 5, 1, 9], [2, 2]))
  for (const bad of [
    ['nothing', float32([1])],
    ['w', float32([1])],
  ] as const) {
    expect(() => withInitializers(layer(), [bad])).toThrow(expect.objectContaining({ code: 'onnx/weight' }))
  }
})

test('the shape of every tensor', async () => {
  const { shapes, results } = await probe(layer(), { x })
  expect(results).toEqual(await run(layer(), { x }))
  expect(Object.fromEntries(shapes)).toEqual({
    x: [2, 3],
    w: [3, 2],
    b: [2],
    product: [2, 2],
    positive: [2, 2],
    Add: [2, 2],
    y: [2, 2],
  })
})

/** By the definition of IEEE 754: a sign, five bits of exponent, ten of fraction. */
function halfToNumber(bits: number): number {
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  const sign = bits & 0x8000 ? -1 : 1
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const toHalfBits = (value: number) => float32ToFloat16(Float32Array.of(value))[0]!

test('halves round as they should, and every half comes back', () => {
  const all = Array.from({ length: 0x7c01 }, (_, bits) => bits)
  expect(all.filter((bits) => toHalfBits(halfToNumber(bits)) !== bits)).toEqual([])
  expect(float16ToFloat32(Uint16Array.from(all))).toEqual(Float32Array.from(all, halfToNumber))
  expect([2049, 2051, 65519, 65520, 2 ** -25, -0, 1e-9].map((value) => halfToNumber(toHalfBits(value)))).toEqual([
    2048,
    2052,
    65504,
    Infinity,
    0,
    -0,
    0,
  ])
  expect(toHalfBits(NaN)).toBe(0x7e00)
})

test('small weights come back under their names, and those beyond halves stay', () => {
  const g = createGraphBuilder()
  const wide = Float32Array.from({ length: 64 * 48 }, (_, i) => Math.sin(i * 12.9898))
  const x = g.input('x', 'float32', ['N', 64])
  const y = g.matMul(x, g.initializer('w', float32(wide, [64, 48])))
  g.output(g.add(y, g.initializer('large', float32(new Float32Array(48 * 48).fill(1e6), [48, 48]))), 'y')
  const model = g.build()
  expect(toHalf(model).graph.initializers.get('large')?.type).toBe('float32')
  for (const [small, step] of [
    [toHalf(model), 2 ** -12],
    [toInt8(model), 1 / 254],
  ] as const) {
    const back = toFull(readModel(writeModel(small)))
    expect(back.graph.nodes).toEqual(readModel(writeModel(model)).graph.nodes)
    expect([...back.graph.initializers.keys()].sort()).toEqual([...model.graph.initializers.keys()].sort())
    const found = back.graph.initializers.get('w') as TensorOf<'float32'>
    expect(found.shape).toEqual([64, 48])
    found.data.forEach((value, i) => expect(Math.abs(value - wide[i]!)).toBeLessThanOrEqual(step * 1.001))
  }
  // A network that computes with integers goes on doing so.
  const integers = createGraphBuilder()
  const { graph } = toInt8(model)
  const fed = integers.input('x', 'float32', ['N', 64])
  const scale = integers.floats(1)
  const quantised = integers.node('DequantizeLinear', [integers.node('QuantizeLinear', [fed, scale]), scale])
  integers.output(integers.include(graph, { x: quantised })['y']!, 'y')
  const whole = integers.build()
  expect(toFull(whole).graph.nodes.map(({ op }) => op)).toEqual(whole.graph.nodes.map(({ op }) => op))
})

test('weights that have been 8-bit integers are stored as such again, others not', () => {
  const g = createGraphBuilder()
  const wide = Float32Array.from({ length: 64 * 48 }, (_, i) => Math.sin(i * 12.9898))
  g.output(g.matMul(g.input('x', 'float32', ['N', 64]), g.initializer('w', float32(wide, [64, 48]))), 'y')
  const model = g.build()
  expect(toInt8(model, { again: true }).graph.nodes).toEqual(model.graph.nodes)
  const unpacked = toFull(toInt8(model))
  const stored = toInt8(unpacked, { again: true })
  expect(stored.graph.initializers.get('w.int8')?.type).toBe('int8')
  const [before, after] = [unpacked, toFull(stored)].map(
    ({ graph }) => (graph.initializers.get('w') as TensorOf<'float32'>).data,
  )
  after!.forEach((value, i) => expect(value).toBeCloseTo(before![i]!, 6))
})

test('small weights compute almost the same', async () => {
  const g = createGraphBuilder()
  const weights = Float32Array.from({ length: 64 * 48 }, (_, i) => Math.sin(i * 12.9898) * (1 + (i % 48)))
  g.output(g.matMul(g.input('x', 'float32', ['N', 64]), g.initializer('w', float32(weights, [64, 48]))), 'y')
  const model = g.build()
  const feeds = { x: float32(new Float32Array(64).fill(1), [1, 64]) }
  const exact = (await run(model, feeds))['y'] as TensorOf<'float32'>
  const size = writeModel(model).length
  // Half a step of each weight's column, 64 times.
  const halfStep = { float16: 2 ** -12, int8: 1 / 254 }
  for (const [small, share, step] of [
    [toHalf(model), 0.55, halfStep.float16],
    [toInt8(model), 0.35, halfStep.int8],
  ] as const) {
    expect(writeModel(small).length).toBeLessThan(share * size)
    const near = (await run(small, feeds))['y'] as TensorOf<'float32'>
    near.data.forEach((value, column) =>
      expect(Math.abs(value - exact.data[column]!)).toBeLessThan(64 * 2 * step * (column + 1)),
    )
  }
})
