import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { createSession } from '../session/create-session.js'
import { filePartOf } from './lazy-tensor.js'
import type { OnnxModel } from './model.js'
import { loadModel, saveModel } from './model-file.js'
import { modelProto } from './onnx-schema.js'
import { readModel } from './read-model.js'
import { float32, type Tensor } from './tensor.js'
import { referTo, writeModel } from './write-model.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'onnx-'))
})
afterEach(() => rm(folder, { recursive: true }))

const weights = float32([1, 2, 3, 4])
function small() {
  const g = createGraphBuilder()
  g.output(g.add(g.input('x', 'float32', [4]), g.initializer('w', weights)), 'y')
  return g.build()
}

/** The same model with its weights in a file beside it. */
async function saveExternal(location: string, length = 16) {
  const message = modelProto.decode(writeModel(small())) as unknown as { graph: { initializer: object[] } }
  message.graph.initializer = [
    {
      name: 'w',
      dims: [4],
      dataType: 1,
      dataLocation: 1,
      externalData: [
        { key: 'location', value: location },
        { key: 'offset', value: '8' },
        { key: 'length', value: String(length) },
      ],
    },
  ]
  const path = join(folder, 'model.onnx')
  await writeFile(path, modelProto.encode(message).finish())
  await writeFile(join(folder, 'weights.bin'), Buffer.concat([Buffer.alloc(8), Buffer.from(weights.data.buffer)]))
  return path
}

test('a saved model loads as it was, and leaves no other file behind', async () => {
  const path = join(folder, 'model.onnx')
  await saveModel(path, small())
  await saveModel(path, small())
  expect(await loadModel(path)).toEqual(small())
  expect(await readdir(folder)).toEqual(['model.onnx'])
})

test('a failed save leaves the old file alone', async () => {
  const path = join(folder, 'missing', 'model.onnx')
  await expect(saveModel(path, small())).rejects.toMatchObject({ code: 'onnx/write', fields: { path } })
})

test('weights in a file beside the model', async () => {
  const path = await saveExternal('weights.bin')
  expect((await loadModel(path)).graph.initializers.get('w')).toEqual(weights)
  await truncate(join(folder, 'weights.bin'), 20)
  await expect(loadModel(path)).rejects.toMatchObject({
    code: 'onnx/external-data',
    message: expect.stringContaining('shorter'),
  })
})

test.each(['../weights.bin', '/etc/hostname', 'gone.bin', ''])('weights in %j are refused', async (location) => {
  const path = await saveExternal(location)
  await expect(loadModel(path)).rejects.toMatchObject({ code: 'onnx/external-data', fields: { location } })
})

test('a missing file and a folder are named', async () => {
  await expect(loadModel(join(folder, 'no.onnx'))).rejects.toMatchObject({
    code: 'onnx/file',
    message: expect.stringContaining('does not exist'),
  })
  await expect(loadModel(folder)).rejects.toMatchObject({
    code: 'onnx/file',
    message: expect.stringContaining('is a folder'),
  })
  await writeFile(join(folder, 'empty.onnx'), '')
  await expect(loadModel(join(folder, 'empty.onnx'))).rejects.toMatchObject({ code: 'onnx/empty' })
  expect((await readFile(join(folder, 'empty.onnx'))).length).toBe(0)
})

describe('large weights in a file beside the model', () => {
  const large = float32(
    Float32Array.from({ length: 512 * 600 }, (_, i) => Math.sin(i)),
    [512, 600],
  )
  const model = () => {
    const g = createGraphBuilder()
    g.output(g.matMul(g.input('x', 'float32', ['N', 512]), g.initializer('w', large)), 'y')
    return g.build()
  }
  const x = float32(
    Float32Array.from({ length: 1024 }, (_, i) => Math.cos(i)),
    [2, 512],
  )
  /** Weights of `named` in the file `kept`, from byte `offset` on. */
  async function save(named: string, kept: string, offset: number) {
    const message = modelProto.decode(writeModel(model())) as unknown as { graph: { initializer: object[] } }
    const externalData = Object.entries({ location: named, offset: String(offset) }).map(([key, value]) => ({
      key,
      value,
    }))
    message.graph.initializer = [{ name: 'w', dims: [512, 600], dataType: 1, dataLocation: 1, externalData }]
    const path = join(folder, 'model.onnx')
    await writeFile(path, modelProto.encode(message).finish())
    await writeFile(join(folder, kept), Buffer.concat([Buffer.alloc(offset), Buffer.from(large.data.buffer)]))
    return path
  }
  const run = async (opened: OnnxModel) => {
    const session = await createSession(opened, { threads: 1 })
    return session.run({ x }).finally(() => session.dispose())
  }

  test.each([
    ['weights.bin', 'weights.bin', 64],
    ['weights.bin', 'weights.bin', 3],
    ['gone.bin', 'model.onnx_data', 8],
    ['gone.bin', 'model.onnx.data', 0],
  ])('%s, found as %s, from byte %i on', async (named, kept, offset) => {
    const opened = await loadModel(await save(named, kept, offset))
    const weight = opened.graph.initializers.get('w')!
    expect(filePartOf(weight)).toMatchObject({ location: kept, offset })
    // The runtime reads aligned weights itself.
    expect(referTo(opened, false).bytes.length < 2000).toBe(offset % 4 === 0)
    expect(await run(opened)).toEqual(await run(model()))
    const bytes = ({ data }: Tensor) => Buffer.from((data as Float32Array).buffer, (data as Float32Array).byteOffset)
    const same = (tensor: Tensor) =>
      bytes(tensor)
        .subarray(0, 4 * 512 * 600)
        .equals(bytes(large))
    expect(same(weight)).toBe(true)
    const copy = join(folder, 'copy.onnx')
    await saveModel(copy, opened)
    expect(same((await loadModel(copy)).graph.initializers.get('w')!)).toBe(true)
  })

  test.each([0, 1, 2, 3])('in one file and not aligned (%i), they are lent to the runtime', async (shift) => {
    const plain = model()
    // What comes before them moves the weights.
    const given = { ...plain, graph: { ...plain.graph, name: 'g'.repeat(10 + shift) } }
    const opened = readModel(Buffer.from(writeModel(given)))
    const { bytes, lent } = referTo(opened, true)
    expect(bytes.length).toBeLessThan(2000)
    expect(lent.map(({ data }) => data.length)).toEqual([4 * 512 * 600])
    expect(referTo(opened, false)).toMatchObject({ lent: [], bytes: { length: writeModel(given).length } })
    expect(await run(opened)).toEqual(await run(model()))
    expect(Buffer.from(writeModel(opened)).equals(writeModel(given))).toBe(true)
  })

  test('where some lie in a file, the others are copied', async () => {
    const opened = await loadModel(await save('weights.bin', 'weights.bin', 64))
    const { graph } = opened
    const twice = { ...graph.nodes[0]!, name: 'again', inputs: ['x', 'w2'], outputs: ['z'] }
    const both: OnnxModel = {
      ...opened,
      graph: {
        ...graph,
        nodes: [...graph.nodes, twice],
        outputs: [...graph.outputs, { name: 'z' }],
        initializers: new Map([...graph.initializers, ['w2', large]]),
      },
    }
    expect(referTo(both, true)).toMatchObject({ folder, lent: [] })
    const { y, z } = await run(both)
    expect(z).toEqual(y)
    expect(y).toEqual((await run(model()))['y'])
  })

  test('cut off later, they are missed by name', async () => {
    const opened = await loadModel(await save('weights.bin', 'weights.bin', 0))
    await truncate(join(folder, 'weights.bin'), 1000)
    expect(() => opened.graph.initializers.get('w')!.data).toThrow(
      expect.objectContaining({ code: 'onnx/external-data', message: expect.stringContaining('weights.bin') }),
    )
    await expect(run(opened)).rejects.toMatchObject({ code: 'onnx/external-data' })
  })
})
