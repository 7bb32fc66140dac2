import {
  createEmbeddings,
  createRandom,
  type Dataset,
  type DatasetItem,
  type Encoder,
  type Preprocessing,
  type RawImage,
} from '@lookalike/core'
import { createGraphBuilder, createSession, float32, type OnnxModel, writeModel } from '@lookalike/onnx'

/** Pixels of an edge. */
export const EDGE = 8

/** Pictures of a few classes: each class is a colour gradient of its own, with noise. */
export function pictures(
  classes: number,
  each: number,
  split: DatasetItem['split'] = 'train',
  seed = 0,
): DatasetItem[] {
  return Array.from({ length: classes * each }, (_, i) => {
    const label = i % classes
    const random = createRandom(`${seed}/${split}/${i}`)
    const style = createRandom(`${split}/class ${label}`)
    const colours = Array.from({ length: 6 }, () => style.integer(200))
    const data = new Uint8Array(EDGE * EDGE * 3)
    for (let p = 0; p < EDGE * EDGE; p++) {
      const share = (p % EDGE) / EDGE
      for (let c = 0; c < 3; c++)
        data[p * 3 + c] = colours[c]! * share + colours[c + 3]! * (1 - share) + random.integer(50)
    }
    const source: RawImage = { data, width: EDGE, height: EDGE }
    return {
      id: `${split}/${label}/${i}.png`,
      source,
      label: `${split} ${label}`,
      split,
      isQuery: true,
      isGallery: true,
    }
  })
}

export const datasetOf = (items: readonly DatasetItem[]): Dataset => ({ specVersion: 'v1', name: 'pictures', items })

export const preprocessing: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: EDGE, height: EDGE },
  interpolation: 'bilinear',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  channels: 'rgb',
  layout: 'nchw',
}

/** A convolution, a ReLU and a linear layer. */
export function tinyNetwork(seed = 0): OnnxModel {
  const random = createRandom(`network ${seed}`)
  const weights = (shape: readonly number[], deviation: number) =>
    float32(
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal() * deviation),
      shape,
    )
  const g = createGraphBuilder({ opset: 17 })
  const x = g.input('pixel_values', 'float32', ['N', 3, EDGE, EDGE])
  const features = g.relu(
    g.conv(
      x,
      g.initializer('conv.weight', weights([8, 3, 3, 3], 0.2)),
      g.initializer('conv.bias', weights([8], 0.01)),
      { strides: [2, 2], pads: [1, 1, 1, 1] },
    ),
  )
  const flat = g.flatten(features)
  g.output(
    g.l2Normalise(
      g.add(
        g.matMul(flat, g.initializer('head.weight', weights([128, 6], 0.1))),
        g.initializer('head.bias', weights([6], 0.01)),
      ),
    ),
    'embedding',
    { shape: ['N', 6] },
  )
  return g.build({ 'lookalike.builder': 'tiny' })
}

export function tinyEncoder(model: OnnxModel = tinyNetwork()): Encoder {
  return {
    specVersion: 'v1',
    name: 'tiny',
    dim: 6,
    space: 'tiny',
    input: { kind: 'pixels', preprocessing },
    batchSize: 8,
    onnx: { bytes: async () => writeModel(model), input: 'pixel_values', output: 'embedding' },
    encode: () => Promise.reject(new Error('not used')),
    dispose: async () => {},
  }
}

/** The same, and it encodes. */
export async function runningEncoder(): Promise<Encoder> {
  const session = await createSession(tinyNetwork(), { threads: 1 })
  return {
    ...tinyEncoder(),
    async encode(batch) {
      if (batch.kind !== 'pixels') throw new Error('pixels')
      const { embedding } = await session.run({ pixel_values: float32(batch.data, [batch.count, 3, EDGE, EDGE]) })
      return createEmbeddings({
        data: embedding!.data as Float32Array,
        rows: batch.count,
        dim: 6,
        space: 'tiny',
        role: 'any',
      })
    },
    dispose: () => session.dispose(),
  }
}
