import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRandom, dotRows, type Embeddings, type Encoder, type Preprocessing } from '@lookalike/core'
import { embedImages, encodePng } from '@lookalike/image'
import { readModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createOnnxEncoder } from '../create-onnx-encoder.js'
import { createMiniEncoder } from '../mini.js'
import { readPreprocessorConfig } from '../presets/read-preprocessor-config.js'
import { exportModel } from './export-model.js'
import { processorOf } from './processor-of.js'

let folder: string
let encoder: Encoder
let images: string[]
let own: Embeddings
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-export-'))
  encoder = await createMiniEncoder()
  const { width, height } = (encoder.input as Extract<Encoder['input'], { kind: 'pixels' }>).preprocessing.crop
  images = []
  for (let i = 0; i < 3; i++) {
    const random = createRandom(`picture ${i}`)
    const data = Uint8Array.from(
      { length: width * height * 3 },
      (_, at) => ((at >> 4) * (i + 3) + random.integer(40)) % 256,
    )
    const file = path.join(folder, `${i}.png`)
    await writeFile(file, await encodePng({ data, width, height }))
    images.push(file)
  }
  own = (
    await embedImages(
      encoder,
      images.map((source) => ({ source })),
    )
  ).embeddings
})
afterAll(async () => {
  await encoder.dispose()
  await rm(folder, { recursive: true, force: true })
})

const at = (name: string) => path.join(folder, name)

it('transformers.js loads it, to the same vectors', async () => {
  const { files } = await exportModel(encoder, at('model'), { readme: '# A model\n' })
  expect(files).toEqual(['README.md', 'config.json', 'onnx/model.onnx', 'preprocessor_config.json'])
  const { env, pipeline } = await import('@huggingface/transformers')
  env.allowRemoteModels = false
  env.localModelPath = folder
  const extract = await pipeline('image-feature-extraction', 'model', { dtype: 'fp32' })
  const result = await extract(images)
  expect(result.dims).toEqual([3, encoder.dim])
  const theirs = Float32Array.from(result.data as ArrayLike<number>)
  for (let row = 0; row < 3; row++) expect(dotRows(theirs, row, own.data, row, encoder.dim)).toBeCloseTo(1, 5)
  expect(dotRows(theirs, 0, own.data, 1, encoder.dim)).toBeLessThan(0.999)
  await extract.dispose()
})

it('loads back into the same vectors, by its metadata and by its files', async () => {
  await exportModel(encoder, at('again'))
  const again = await createOnnxEncoder({ model: at('again/onnx/model.onnx') })
  const { embeddings } = await embedImages(
    again,
    images.map((source) => ({ source })),
  )
  for (const [i, value] of embeddings.data.entries()) expect(value).toBeCloseTo(own.data[i]!, 5)
  const { preprocessing } = again.input as Extract<Encoder['input'], { kind: 'pixels' }>
  await again.dispose()
  const processor: unknown = JSON.parse(await readFile(at('again/preprocessor_config.json'), 'utf8'))
  expect(readPreprocessorConfig(processor, 'the file')).toMatchObject({
    crop: preprocessing.crop,
    mean: preprocessing.mean,
  })
})

it('says the wanted versions, where the model stays the same', async () => {
  const plain = await exportModel(encoder, at('plain'))
  const { opset, irVersion } = await exportModel(encoder, at('newer'), { opset: plain.opset + 1, irVersion: 10 })
  expect([opset, irVersion]).toEqual([plain.opset + 1, 10])
  const model = readModel(await readFile(at('newer/onnx/model.onnx')))
  expect([model.opset[''], model.irVersion]).toEqual([plain.opset + 1, 10])
  expect(model.graph.inputs.map(({ name }) => name)).toEqual(['pixel_values'])
  expect(model.graph.outputs.map(({ name }) => name)).toEqual(['image_embeds'])
})

describe('refuses', () => {
  it.each([
    ['an opset that is too old for its operators', { opset: 7 }, 'export/opset'],
    ['an opset that no runtime knows', { opset: 99 }, 'export/opset'],
    ['a format that is none', { irVersion: 2 }, 'export/ir-version'],
  ])('%s', async (_, options, code) => {
    await expect(exportModel(encoder, at('none'), options)).rejects.toMatchObject({ code })
    expect(await readdir(folder)).not.toContain('none')
  })

  it('an encoder without a network, and a folder that is there', async () => {
    const { onnx: _, ...bare } = encoder
    await expect(exportModel(bare, at('none'))).rejects.toMatchObject({ code: 'export/no-network' })
    await expect(exportModel(encoder, folder)).rejects.toMatchObject({ code: 'export/exists' })
  })
})

describe('a preprocessing as a processor', () => {
  const spec: Preprocessing = {
    resize: { mode: 'shortest-edge', size: 256 },
    crop: { width: 224, height: 224 },
    interpolation: 'bicubic',
    background: [255, 255, 255],
    scale: 1 / 255,
    mean: [0.1, 0.2, 0.3],
    std: [0.4, 0.5, 0.6],
    channels: 'rgb',
    layout: 'nchw',
  }
  it.each<[string, Partial<Preprocessing>]>([
    ['a short edge', {}],
    ['both edges', { resize: { mode: 'squash' }, interpolation: 'bilinear' }],
    ['both edges, then a crop', { resize: { mode: 'squash', width: 256, height: 250 }, interpolation: 'lanczos' }],
    ['no square', { resize: { mode: 'squash' }, crop: { width: 100, height: 50 }, scale: 1 }],
  ])('%s comes back as it was', (_, change) => {
    expect(readPreprocessorConfig(processorOf({ ...spec, ...change }), 'f')).toEqual({ ...spec, ...change })
  })
  it.each<[string, Partial<Preprocessing>]>([['blue first', { channels: 'bgr' }]])('%s cannot be said', (_, change) => {
    expect(() => processorOf({ ...spec, ...change })).toThrow(expect.objectContaining({ code: 'export/preprocessing' }))
  })
  it('padding becomes squashing, with a warning', async () => {
    expect(processorOf({ ...spec, resize: { mode: 'pad' } })).toMatchObject({ size: spec.crop, do_center_crop: false })
    const warnings: string[] = []
    await exportModel(encoder, at('padded'), { onWarning: ({ code }) => warnings.push(code) })
    expect(warnings).toEqual(['export/padding'])
  })
})
