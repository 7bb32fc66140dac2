import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadModel } from '../model/model-file.js'
import { float32, type Tensor, type TensorOf } from '../model/tensor.js'
import { createSession } from '../session/create-session.js'
import { differentiate } from './differentiate.js'

interface Case {
  input: { shape: number[]; data: number[] }
  output: { shape: number[]; data: number[] }
  outputGradient: { shape: number[]; data: number[] }
  inputGradient: { shape: number[]; data: number[] }
  initializerGradients: Record<string, { shape: number[]; data: number[] }>
}

const tensor = ({ shape, data }: { shape: number[]; data: number[] }) => float32(data, shape)

function relativeError(given: Tensor, wanted: { data: number[] }): number {
  const { data } = given as TensorOf<'float32'>
  let difference = 0
  let size = 0
  wanted.data.forEach((value, i) => {
    difference += (data[i]! - value) ** 2
    size += value ** 2
  })
  return Math.sqrt(difference) / Math.max(Math.sqrt(size), 1e-12)
}

const shared = new URL('../../../../../shared/golden/gradients/', import.meta.url)
const fixtures = new URL('../../fixtures/', import.meta.url)
const cases = [
  ['deit-distilled', fixtures],
  ['resnet', fixtures],
  ['vit', shared],
  ['vit-opset13', shared],
] as const

describe.each(cases)('%s agrees with PyTorch', (name, folder) => {
  test.skipIf(!existsSync(folder))(`every gradient of ${name}`, async () => {
    const golden = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as Case
    const model = await loadModel(new URL(`${name}.onnx`, folder).pathname)
    const trainable = Object.keys(golden.initializerGradients)
    const feeds = { pixel_values: tensor(golden.input) }
    const gradient = await differentiate(model, { trainable, inputGradients: ['pixel_values'], example: feeds })
    const session = await createSession(gradient.model)
    const results = await session.run({
      ...feeds,
      ...Object.fromEntries(gradient.weights),
      [gradient.outputGradients['embedding']!]: tensor(golden.outputGradient),
    })
    await session.dispose()
    expect(relativeError(results['embedding']!, golden.output)).toBeLessThan(1e-4)
    expect(relativeError(results[gradient.inputGradients['pixel_values']!]!, golden.inputGradient)).toBeLessThan(1e-4)
    for (const weight of trainable) {
      expect(
        relativeError(results[gradient.weightGradients[weight]!]!, golden.initializerGradients[weight]!),
        weight,
      ).toBeLessThan(1e-4)
    }
  })
})
