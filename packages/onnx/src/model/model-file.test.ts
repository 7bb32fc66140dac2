import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import { loadModel, saveModel } from './model-file.js'
import { modelProto } from './onnx-schema.js'
import { float32 } from './tensor.js'
import { writeModel } from './write-model.js'

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
