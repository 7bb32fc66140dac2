import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { createGraphBuilder, type GraphBuilder } from '../builder/create-graph-builder.js'
import { differentiate } from '../gradient/differentiate.js'
import { trainableInitializers } from '../gradient/trainable-initializers.js'
import type { OnnxModel } from '../model/model.js'
import { loadModel } from '../model/model-file.js'
import { float32 } from '../model/tensor.js'
import { createSession } from '../session/create-session.js'
import { toInt8 } from '../transform/shrink-weights.js'
import { checkGradients, type GradientCase } from './check-gradients.js'
import { diagnoseTraining } from './diagnose-training.js'

const fixture = (name: string) => new URL(`../../fixtures/${name}`, import.meta.url)

function modelOf(build: (g: GraphBuilder, x: string) => string): OnnxModel {
  const g = createGraphBuilder()
  g.output(build(g, g.input('x', 'float32', ['N', 4])), 'y')
  return g.build()
}
const weight = (g: GraphBuilder, name: string, shape = [4, 4]) =>
  g.initializer(
    name,
    float32(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i + 1)),
      shape,
    ),
  )

/** A layer, an operator without a gradient, another layer. */
const blocked = modelOf((g, x) => g.matMul(g.node('Atan', [g.matMul(x, weight(g, 'before'))]), weight(g, 'after')))

describe('a real model', () => {
  let model: OnnxModel
  let golden: GradientCase
  beforeAll(async () => {
    model = await loadModel(fixture('deit-distilled.onnx').pathname)
    golden = JSON.parse(await readFile(fixture('deit-distilled.json'), 'utf8')) as GradientCase
  })

  test('agrees with its case', async () => {
    const { method, tensors } = await checkGradients(model, { case: golden })
    expect(method).toBe('case')
    expect(tensors.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['embedding', 'pixel_values', ...Object.keys(golden.initializerGradients)]),
    )
    expect(tensors[0]!.error).toBeLessThan(1e-4)
  })

  test('does not agree with a wrong case, and the wrong tensor comes first', async () => {
    const [name, right] = Object.entries(golden.initializerGradients)[3]!
    const wrong = { ...right, data: right.data.map((value, i) => (i % 2 ? value : -value)) }
    const { tensors } = await checkGradients(model, {
      case: { ...golden, initializerGradients: { ...golden.initializerGradients, [name]: wrong } },
    })
    expect(tensors[0]).toMatchObject({ name })
    expect(tensors[0]!.error).toBeGreaterThan(0.5)
    const short = { ...golden, initializerGradients: { [name]: { shape: [1], data: [1] } } }
    await expect(checkGradients(model, { case: short })).rejects.toMatchObject({ code: 'onnx/case', fields: { name } })
  })

  test('agrees with finite differences', async () => {
    const { method, tensors } = await checkGradients(model)
    expect(method).toBe('finite-differences')
    expect(tensors[0]!.error).toBeLessThan(5e-3)
  })

  test('can be trained', async () => {
    const diagnosis = await diagnoseTraining(model)
    expect(diagnosis).toMatchObject({ trainable: true, obstacles: [] })
    expect(diagnosis.weightsAfterObstacles).toEqual(diagnosis.weights)
    expect(diagnosis.parameters).toBe(
      Object.values(golden.initializerGradients).reduce((sum, { data }) => sum + data.length, 0),
    )
  })
})

describe('a model with an obstacle', () => {
  const example = { x: float32([1, 2, 3, 4], [1, 4]) }

  test('is refused with the node, unless the weights before it are frozen', async () => {
    await expect(differentiate(blocked, { example })).rejects.toMatchObject({
      code: 'onnx/not-differentiable',
      message: expect.stringMatching(/Atan.*freeze/),
      fields: { op: 'Atan' },
    })
    const gradient = await differentiate(blocked, { example, trainable: ['after'] })
    expect(Object.keys(gradient.weightGradients)).toEqual(['after'])
    // Nothing before the trained weight is differentiated.
    expect(gradient.model.graph.nodes.filter(({ op }) => op === 'Gemm' || op === 'FusedMatMul')).toHaveLength(1)
  })

  test('is diagnosed', async () => {
    expect(await diagnoseTraining(blocked)).toMatchObject({
      trainable: false,
      weights: ['before', 'after'],
      obstacles: [{ node: 'Atan', op: 'Atan' }],
      weightsAfterObstacles: ['after'],
    })
    // Pads that depend on the image.
    const setting = modelOf((g, x) => {
      const pads = g.cast(g.slice(g.reshape(g.mul(x, g.floats(0)), [-1]), [0], [4], [0]), 'int64')
      return g.node('Pad', [g.matMul(x, weight(g, 'w')), pads])
    })
    const { obstacles } = await diagnoseTraining(setting)
    expect(obstacles).toMatchObject([{ op: 'Pad', problem: expect.stringContaining('computed from the image') }])
  })
})

/** Softmax does not see a number that is added to a whole row: the gradient of this bias is zero, and rounding is all that comes out. */
const stilled = modelOf((g, x) =>
  g.node(
    'Softmax',
    [g.add(g.matMul(x, weight(g, 'w')), g.mul(g.reduceSum(weight(g, 'still'), [0, 1], false), g.floats(1)))],
    { axis: -1 },
  ),
)

test('a gradient that is zero by mathematics is measured against the longest, and still may not come out wrong', async () => {
  const example = { x: float32([0.3, -0.2, 0.5, 0.1], [1, 4]) }
  const { tensors } = await checkGradients(stilled, { example })
  expect(tensors.map(({ name }) => name).sort()).toEqual(['still', 'w', 'x'])
  expect(tensors[0]!.error).toBeLessThan(3e-3)
  const gradient = await differentiate(stilled, { example, inputGradients: ['x'] })
  const session = await createSession(gradient.model)
  const outputGradient = float32([1, -2, 3, 0.5], [1, 4])
  const results = await session.run({
    ...example,
    ...Object.fromEntries(gradient.weights),
    [gradient.outputGradients['y']!]: outputGradient,
  })
  await session.dispose()
  const values = (name: string) => ({
    shape: results[name]!.shape,
    data: Array.from(results[name]!.data as Float32Array),
  })
  const right: GradientCase = {
    input: { shape: [1, 4], data: [...example.x.data] },
    output: values('y'),
    outputGradient: { shape: [1, 4], data: [...outputGradient.data] },
    initializerGradients: {
      w: values(gradient.weightGradients['w']!),
      still: { shape: [4, 4], data: Array.from({ length: 16 }, () => 1e-9) },
    },
  }
  expect((await checkGradients(stilled, { case: right })).tensors[0]!.error).toBeLessThan(1e-4)
  const wrong = {
    ...right,
    initializerGradients: {
      ...right.initializerGradients,
      still: { shape: [4, 4], data: Array.from({ length: 16 }, () => 1e-2) },
    },
  }
  expect((await checkGradients(stilled, { case: wrong })).tensors[0]).toMatchObject({
    name: 'still',
    error: expect.closeTo(1, 3) as number,
  })
})

test('weights in 8 bits stand in the way, and floats beside them do not hide it', async () => {
  const model = toInt8(modelOf((g, x) => g.add(g.matMul(x, weight(g, 'wide', [4, 512])), weight(g, 'bias', [512]))))
  expect(await diagnoseTraining(model)).toMatchObject({
    trainable: false,
    weights: ['bias'],
    obstacles: [{ op: 'DequantizeLinear', problem: expect.stringContaining('int8') as string }],
    weightsAfterObstacles: ['bias'],
  })
})

test('what cannot be trained is named', async () => {
  const example = { x: float32([1, 2, 3, 4], [1, 4]) }
  const model = modelOf((g, x) => {
    g.initializer('idle', float32([1, 2]))
    return g.mul(g.matMul(x, weight(g, 'w')), g.node('Sign', [weight(g, 'stuck', [4])]))
  })
  await expect(differentiate(model, { example, trainable: ['idle'] })).rejects.toMatchObject({
    code: 'onnx/unreachable',
    fields: { weight: 'idle' },
  })
  await expect(differentiate(model, { example, trainable: ['stuck'] })).rejects.toMatchObject({
    code: 'onnx/unreachable',
    fields: { weight: 'stuck' },
  })
  await expect(differentiate(model, { example, outputs: ['z'] })).rejects.toMatchObject({ code: 'onnx/output' })
  await expect(
    differentiate(
      modelOf((g, x) => g.relu(x)),
      { example },
    ),
  ).rejects.toMatchObject({ code: 'onnx/not-trainable' })
})

test('single numbers, bounds and statistics are no weights; Constant nodes are', () => {
  const model = modelOf((g, x) => {
    const constant = g.node('Constant', [], { value: float32([1, 2, 3, 4]) }, { outputs: ['constant'] })
    const scaled = g.mul(g.clip(g.matMul(x, weight(g, 'w')), -1, 1), g.initializer('temperature', float32([2], [])))
    const normal = g.node('BatchNormalization', [
      scaled,
      weight(g, 'scale', [4]),
      weight(g, 'shift', [4]),
      weight(g, 'mean', [4]),
      weight(g, 'variance', [4]),
    ])
    return g.add(normal, constant)
  })
  expect(trainableInitializers(model).sort()).toEqual(['constant', 'scale', 'shift', 'w'])
})

test('a weight that two layers share gets the gradients of both', async () => {
  const model = modelOf((g, x) => {
    const w = weight(g, 'w')
    return g.tanh(g.matMul(g.tanh(g.matMul(x, w)), w))
  })
  expect(
    (await checkGradients(model, { example: { x: float32([0.1, -0.2, 0.3, 0.4], [1, 4]) } })).tensors[0]!.error,
  ).toBeLessThan(3e-3)
})

test('the forward model takes the weights as inputs, and another batch', async () => {
  const model = modelOf((g, x) => g.matMul(x, weight(g, 'w')))
  const gradient = await differentiate(model, { example: { x: float32([1, 2, 3, 4], [1, 4]) } })
  const session = await createSession(gradient.forward)
  const { y } = await session.run({
    x: float32([1, 0, 0, 0, 0, 1, 0, 0], [2, 4]),
    ...Object.fromEntries(gradient.weights),
  })
  expect([...y!.data]).toEqual([...gradient.weights.get('w')!.data].slice(0, 8))
  await session.dispose()
})
