import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { checkGradients, type GradientCase } from '../check/check-gradients.js'
import { diagnoseTraining } from '../check/diagnose-training.js'
import type { Node, OnnxModel } from '../model/model.js'
import { loadModel } from '../model/model-file.js'
import { float32 } from '../model/tensor.js'

const folder = new URL('../../fixtures/cases/', import.meta.url)
const open = (name: string) => loadModel(fileURLToPath(new URL(`${name}.onnx`, folder)))
const golden = (name: string) =>
  JSON.parse(gunzipSync(readFileSync(new URL(`${name}.json.gz`, folder))).toString()) as GradientCase

describe('models that PyTorch exported, with the gradients of its autograd', () => {
  // An If that depends on a shape, and a product that the runtime's optimisation gets wrong.
  test.each(['clip-attention-pool', 'matmul-vector'])('%s', async (name) => {
    const model = await open(name)
    const { tensors } = await checkGradients(model, { case: golden(name) })
    expect(tensors[0]!.error, tensors[0]!.name).toBeLessThan(1e-5)
    expect(await diagnoseTraining(model, { example: { pixel_values: noise([2, 3, 16, 16]) } })).toMatchObject({
      trainable: true,
    })
  })
})

const noise = (shape: number[]) =>
  float32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i * 1.7)),
    shape,
  )

test('a batch norm in training mode is named before opset 14 too', async () => {
  const model = await open('bn-train-opset13')
  await expect(checkGradients(model, { example: { pixel_values: noise([3, 3, 6, 6]) } })).rejects.toMatchObject({
    code: 'onnx/not-differentiable',
    message: expect.stringContaining('training mode'),
    fields: { op: 'BatchNormalization' },
  })
})

test.each(['opset9', 'opset22', 'opset24'])('%s is trained as it is', async (name) => {
  const { tensors } = await checkGradients(await open(name), { example: { pixel_values: noise([2, 3, 8, 8]) } })
  expect(tensors[0]!.error, tensors[0]!.name).toBeLessThan(3e-3)
})

/** A model in an old opset, written node by node as its exporters did. */
function old(opset: number, shape: number[], nodes: readonly Omit<Node, 'name' | 'domain'>[]): OnnxModel {
  const g = createGraphBuilder({ opset: 11 })
  g.output(g.mul(g.input('x', 'float32', shape), g.initializer('w', noise(shape))), 'first')
  const built = g.build()
  const last = nodes.at(-1)!.outputs[0]!
  return {
    ...built,
    opset: { '': opset },
    graph: {
      ...built.graph,
      nodes: [...built.graph.nodes, ...nodes.map((node, i) => ({ ...node, name: `n${i}`, domain: '' }))],
      outputs: [{ name: last, type: 'float32' }],
    },
  }
}
const int = (value: number) => ({ kind: 'int', value }) as const
const ints = (...value: number[]) => ({ kind: 'ints', value }) as const
const float = (value: number) => ({ kind: 'float', value }) as const

test.each<[string, number, Omit<Node, 'name' | 'domain'>]>([
  [
    'Slice',
    9,
    {
      op: 'Slice',
      inputs: ['first'],
      outputs: ['y'],
      attributes: { starts: ints(1, 0), ends: ints(2, 9), axes: ints(1, 2) },
    },
  ],
  ['Clip', 10, { op: 'Clip', inputs: ['first'], outputs: ['y'], attributes: { min: float(-0.4), max: float(0.5) } }],
  [
    'Pad',
    8,
    {
      op: 'Pad',
      inputs: ['first'],
      outputs: ['y'],
      attributes: { pads: ints(0, 0, 1, 0, 0, 0, 0, 2), value: float(3) },
    },
  ],
  ['TopK', 9, { op: 'TopK', inputs: ['first'], outputs: ['y', 'i'], attributes: { k: int(2), axis: int(3) } }],
  [
    'Upsample',
    7,
    {
      op: 'Upsample',
      inputs: ['first'],
      outputs: ['y'],
      attributes: {
        scales: { kind: 'floats', value: [1, 1, 2, 2] },
        mode: { kind: 'string', value: 'nearest' },
      },
    },
  ],
])('%s of opset %i', async (_, opset, node) => {
  const shape = [1, 2, 3, 4]
  const { tensors } = await checkGradients(old(opset, shape, [node]), { example: { x: noise(shape) } })
  expect(tensors[0]!.error, tensors[0]!.name).toBeLessThan(3e-3)
})

/** A branch that the image decides. */
function branching(): OnnxModel {
  const branch = (factor: number) => {
    const inner = createGraphBuilder({ prefix: `b${factor}/` })
    inner.output(inner.mul('hidden', inner.floats(factor)), `result${factor}`)
    return inner.graph()
  }
  const g = createGraphBuilder()
  const x = g.input('x', 'float32', [2, 3])
  g.mul(x, g.initializer('w', noise([3])), { outputs: ['hidden'] })
  const large = g.greater(g.reduceSum(x, [0, 1], false), g.floats(0))
  g.output(g.node('If', [large], { then_branch: branch(2), else_branch: branch(3) }, { name: 'choice' }), 'y')
  return g.build()
}

test('a branch that depends on the image is named', async () => {
  const example = { x: noise([2, 3]) }
  await expect(checkGradients(branching(), { example })).rejects.toMatchObject({
    code: 'onnx/not-differentiable',
    fields: { op: 'If', node: 'choice' },
  })
  expect(await diagnoseTraining(branching(), { example })).toMatchObject({
    trainable: false,
    obstacles: [{ op: 'If', node: 'choice' }],
  })
})

test('a case with several inputs, some of them whole numbers', async () => {
  const g = createGraphBuilder()
  const rows = g.gather(g.initializer('table', noise([4, 2])), g.input('ids', 'int64', ['N']))
  g.output(g.mul(rows, g.input('factor', 'float32', ['N', 2])), 'y')
  const values = (shape: number[], ...data: number[]) => ({ shape, data })
  const [a, b] = [Math.sin(0), Math.sin(1.7)]
  const { tensors } = await checkGradients(g.build(), {
    case: {
      inputs: { ids: { type: 'int64', ...values([2], 0, 2) }, factor: values([2, 2], 1, 2, 3, 4) },
      output: values([2, 2], a, 2 * b, 3 * Math.sin(6.8), 4 * Math.sin(8.5)),
      outputGradient: values([2, 2], 1, 1, 1, 1),
      inputGradients: { factor: values([2, 2], a, b, Math.sin(6.8), Math.sin(8.5)) },
      initializerGradients: { table: values([4, 2], 1, 2, 0, 0, 3, 4, 0, 0) },
    },
  })
  expect(tensors.map(({ name }) => name).sort()).toEqual(['factor', 'table', 'y'])
  expect(tensors[0]!.error).toBeLessThan(1e-6)
})
