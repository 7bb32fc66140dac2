import { readdirSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { checkGradients, type GradientCase } from '../check/check-gradients.js'
import { diagnoseTraining } from '../check/diagnose-training.js'
import { readModel } from '../model/read-model.js'

const folder = new URL('../../fixtures/exports/', import.meta.url)
const unzipped = (file: string) => gunzipSync(readFileSync(new URL(file, folder)))
const open = (name: string) => ({
  model: readModel(unzipped(`${name}.onnx.gz`)),
  golden: JSON.parse(unzipped(`${name}.json.gz`).toString()) as GradientCase,
})
const names = readdirSync(folder).flatMap((file) =>
  file.endsWith('.onnx.gz') ? [file.slice(0, -'.onnx.gz'.length)] : [],
)

// Made by fixtures/exports.py: what torch.onnx.export writes, in opsets 11 to 17, with the gradients of its autograd.
describe.each(names)('%s as PyTorch exports it', (name) => {
  const { model, golden } = open(name)

  test('can be trained, all of it, with the gradients of autograd', async () => {
    expect(await diagnoseTraining(model)).toMatchObject({ trainable: true, obstacles: [] })
    const { tensors } = await checkGradients(model, { case: golden })
    expect(tensors.map((tensor) => tensor.name)).toEqual(
      expect.arrayContaining(['embedding', 'pixels', ...Object.keys(golden.initializerGradients)]),
    )
    expect(tensors[0]!.error, tensors[0]!.name).toBeLessThan(1e-4)
  })

  // Initializers do not always stand in the list of initializers.
  test('the same with its weights in Constant nodes', async () => {
    const { graph } = model
    const constants = Array.from(graph.initializers, ([output, value]) => ({
      name: `constant of ${output}`,
      op: 'Constant',
      domain: '',
      inputs: [],
      outputs: [output],
      attributes: { value: { kind: 'tensor', value } as const },
    }))
    const { tensors } = await checkGradients(
      { ...model, graph: { ...graph, nodes: [...constants, ...graph.nodes], initializers: new Map() } },
      { case: golden },
    )
    expect(tensors[0]!.error, tensors[0]!.name).toBeLessThan(1e-4)
  })
})

// Their operators are the same in later opsets.
test.each([18, 19, 20, 21].flatMap((opset) => ['convnext', 'mobilenet-v3'].map((name) => [name, opset] as const)))(
  '%s in opset %i',
  async (name, opset) => {
    const { model, golden } = open(name)
    const { tensors } = await checkGradients(
      { ...model, irVersion: 10, opset: { ...model.opset, '': opset } },
      { case: golden },
    )
    expect(tensors[0]!.error, tensors[0]!.name).toBeLessThan(1e-4)
  },
)
