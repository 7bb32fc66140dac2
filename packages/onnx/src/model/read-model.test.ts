import { readFile } from 'node:fs/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { createSession } from '../session/create-session.js'
import { readModel } from './read-model.js'
import { float32, int64, type Tensor, toNumbers } from './tensor.js'
import { writeModel } from './write-model.js'

const fixture = (name: string) => readFile(new URL(`../../fixtures/${name}`, import.meta.url))

describe('a model of an exporter', () => {
  let bytes: Uint8Array
  beforeAll(async () => {
    bytes = await fixture('resnet.onnx')
  })

  test('survives reading and writing unchanged', async () => {
    const model = readModel(bytes)
    expect(readModel(writeModel(model))).toEqual(model)
    expect(model.opset['']).toBe(13)
    expect(model.graph.inputs.map(({ name }) => name)).toEqual(['pixel_values'])
  })

  test('computes the same after writing', async () => {
    const model = readModel(bytes)
    const shape = model.graph.inputs[0]!.shape!.map((dim) => (typeof dim === 'number' ? dim : 2))
    const feed = float32(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i)),
      shape,
    )
    const [before, after] = await Promise.all([createSession(bytes), createSession(model)])
    const [a, b] = [await before.run({ pixel_values: feed }), await after.run({ pixel_values: feed })]
    expect(b).toEqual(a)
    await Promise.all([before.dispose(), after.dispose()])
  })

  test.each([0.3, 0.9, 0.999])('is refused when %f of it is left', (share) => {
    expect(() => readModel(bytes.subarray(0, Math.floor(bytes.length * share)), { source: 'cut.onnx' })).toThrow(
      expect.objectContaining({
        code: 'onnx/not-onnx',
        message: expect.stringMatching(/^cut\.onnx .* and the file ends \d+ bytes earlier\./),
      }),
    )
  })
})

test.each([
  ['a network of illegal tags', [8, 8, 58, 2, 0, 0, 66, 2, 16, 17], /nothing is missing at its end .* \(illegal tag/],
  ['no network', [8, 8, 66, 2, 16, 17], /it has no network \(graph\)\./],
  ['neither network nor opset', [8, 8], /it has no network \(graph\) and no opset\./],
  ['text', [...Buffer.from('hello model')], /what stands at byte 2 begins no part of one/],
  ['a part that goes on', [8, 8, 58, 200, 1, 0], /part at byte 2 is 200 bytes long .* ends 199 bytes earlier/],
  ['a number that goes on', [8, 8, 16, 255], /what stands at byte 2 begins no part/],
])('what is known of bytes with %s is said, and nothing guessed', (_, bytes, says) => {
  const read = () => readModel(Uint8Array.from(bytes), { source: 'x.onnx' })
  expect(read).toThrow(expect.objectContaining({ code: 'onnx/not-onnx', message: expect.stringMatching(says) }))
  expect(read).not.toThrow(/damaged|cut off/)
})

test('what is no model is refused', () => {
  expect(() => readModel(new Uint8Array())).toThrow(expect.objectContaining({ code: 'onnx/empty' }))
  expect(() => readModel(Buffer.from('<html>not found</html>'))).toThrow(
    expect.objectContaining({ code: 'onnx/not-onnx' }),
  )
})

test('every kind of tensor and setting survives', () => {
  const tensors: Tensor[] = [
    float32([1.5, -0, Infinity]),
    int64([-(2 ** 40), 3], [1, 2]),
    { type: 'float64', shape: [], data: Float64Array.of(Math.PI) },
    { type: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0xfbff) },
    { type: 'bool', shape: [2], data: Uint8Array.of(1, 0) },
    { type: 'int8', shape: [1], data: Int8Array.of(-7) },
    { type: 'uint64', shape: [1], data: BigUint64Array.of(2n ** 64n - 1n) },
    { type: 'string', shape: [2], data: ['a', 'ü'] },
    float32([], [0, 4]),
  ]
  const g = createGraphBuilder({ domains: { custom: 3 } })
  const x = g.input('x', 'float32', ['N', null, 3])
  tensors.forEach((tensor, i) => g.initializer(`t${i}`, tensor))
  const inner = createGraphBuilder()
  inner.output(inner.floats(1), 'one')
  const y = g.node(
    'Op',
    [x, '', 't0'],
    {
      axis: -1,
      alpha: 1,
      axes: [0, 2],
      scales: [1, 2],
      mode: 'cubic',
      names: ['a', 'b'],
      value: tensors[1]!,
      body: inner.graph(),
    },
    { domain: 'custom' },
  )
  g.output(y, 'y', { shape: ['N', 3] })
  const model = g.build({ note: 'ü' })
  expect(readModel(writeModel(model))).toEqual(model)
  expect(toNumbers(tensors[3]!)).toEqual([1, -65504])
})
