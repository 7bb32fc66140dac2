import { expect, it } from 'vitest'
import { onnxProducts } from '../products/onnx-products.js'
import { matrix } from '../products/products.js'
import { tensorflowProducts } from '../products/tensorflow-products.js'
import { randomBatch } from '../testing/batches.js'
import { angularMargin } from './arcface.js'
import { cosineSoftmaxKernel } from './cosine-softmax-kernel.js'
import { createProxyLoss, type ProxyLossDefinition } from './create-proxy-loss.js'
import { proxyAnchorKernel } from './proxy-anchor-kernel.js'
import { softTripleKernel } from './soft-triple-kernel.js'

const close = (a: Float32Array, b: Float32Array) => {
  expect(a.length).toBe(b.length)
  const largest = b.reduce((sum, value) => Math.max(sum, Math.abs(value)), 1e-9)
  a.forEach((value, i) => expect(Math.abs(value - b[i]!) / largest).toBeLessThan(1e-5))
}

it.each([
  [
    'proxy-anchor',
    (labels: Int32Array, classes: number) => proxyAnchorKernel(labels, classes, { alpha: 32, delta: 0.1 }),
    1,
  ],
  ['softmax', (labels: Int32Array) => cosineSoftmaxKernel(labels, 16, angularMargin(0.5)), 1],
  ['soft-triple', (labels: Int32Array) => softTripleKernel(labels, { lambda: 20, gamma: 0.1, delta: 0.01, K: 3 }), 3],
] as const)('%s does not depend on the blocks and on what multiplies', async (name, kernel, proxiesPerClass) => {
  const input = randomBatch(1, 12, 7, 9)
  const outputs = []
  for (const blockValues of [1, 12 * 4, 12 * 20, 1e6]) {
    for (const products of [(await onnxProducts())!, await tensorflowProducts()]) {
      const definition: ProxyLossDefinition = {
        name,
        kernel,
        proxiesPerClass,
        learningRateFactor: 1,
        products,
        blockValues,
      }
      outputs.push(await (await createProxyLoss(definition).bind({ dim: 7, classes: 23, seed: 1 })).compute(input))
    }
  }
  const [first, ...others] = outputs
  for (const other of others) {
    expect(other.value).toBeCloseTo(first!.value, 4)
    close(other.gradients.embeddings, first!.gradients.embeddings)
    close(other.gradients.parameters['proxies']!, first!.gradients.parameters['proxies']!)
  }
})

it('multiplies alike on both engines', async () => {
  const { embeddings: a } = randomBatch(1, 5, 3, 1)
  const { embeddings: b } = randomBatch(2, 4, 3, 1)
  const onnx = (await onnxProducts())!
  const tensorflow = await tensorflowProducts()
  const abt = await onnx.abt(matrix(a, 5, 3), matrix(b, 4, 3))
  expect([abt.rows, abt.cols]).toEqual([5, 4])
  expect(abt.data[1 * 4 + 2]).toBeCloseTo(a[3]! * b[6]! + a[4]! * b[7]! + a[5]! * b[8]!, 5)
  close(abt.data, (await tensorflow.abt(matrix(a, 5, 3), matrix(b, 4, 3))).data)
  const ab = await onnx.ab(abt, matrix(b, 4, 3))
  expect([ab.rows, ab.cols]).toEqual([5, 3])
  close(ab.data, (await tensorflow.ab(abt, matrix(b, 4, 3))).data)
  const atb = await onnx.atb(abt, matrix(a, 5, 3))
  expect([atb.rows, atb.cols]).toEqual([4, 3])
  close(atb.data, (await tensorflow.atb(abt, matrix(a, 5, 3))).data)
})
