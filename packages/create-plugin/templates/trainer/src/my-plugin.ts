import { definePlugin, type Encoder, LookalikeError, type Trainer } from '@lookalike/core'
import { connectModels, createGraphBuilder, float32, type OnnxModel, readModel, writeModel } from '@lookalike/onnx'
import { z } from 'zod'

const options = z.strictObject({
  batchSize: z.int().min(1).default(64).describe('Images between two checkpoints.'),
  epsilon: z.number().positive().default(1e-6).describe('Added to each variance.'),
})

declare module '@lookalike/core' {
  interface TrainerPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** Sums over the images seen so far: the checkpoint keeps the numbers exactly, so that a resumed run ends as an uninterrupted one. */
interface State {
  done: number
  sum: number[]
  squares: number[]
}

/** Learns mean and deviation of each dimension on the training images, and puts the encoder with this standardisation into `model.onnx`. */
const createTrainer = ({ batchSize, epsilon }: z.output<typeof options>): Trainer => ({
  specVersion: 'v1',
  name: 'my-plugin',
  async train({ dataset, encoder, run, embed, signal, onProgress }) {
    const images = dataset.items.filter(({ split }) => split === 'train')
    if (images.length === 0)
      throw new LookalikeError('train/no-images', {
        problem: `The dataset "${dataset.name}" has no training images`,
        expected: 'items with split "train"',
      })
    const zeros = () => Array.from({ length: encoder.dim }, () => 0)
    const earlier = run.resumed ? await run.checkpoints.load('last') : undefined
    const state = (earlier?.facts['state'] ?? { done: 0, sum: zeros(), squares: zeros() }) as State

    while (state.done < images.length) {
      if (signal?.aborted) return { artefact: 'model.onnx', metrics: {}, stopped: 'aborted' }
      const { embeddings } = await embed(encoder, images.slice(state.done, state.done + batchSize))
      embeddings.data.forEach((value, i) => {
        state.sum[i % encoder.dim]! += value
        state.squares[i % encoder.dim]! += value ** 2
      })
      state.done = Math.min(state.done + batchSize, images.length)
      await run.checkpoints.save('last', { facts: { state }, arrays: {} })
      await run.log.write({ step: state.done })
      onProgress?.({ phase: 'train', done: state.done, total: images.length, unit: 'image' })
    }

    const mean = state.sum.map((sum) => sum / images.length)
    const deviation = state.squares.map((square, i) =>
      Math.sqrt(Math.max(0, square / images.length - mean[i]! ** 2) + epsilon),
    )
    const metrics = { 'mean deviation': deviation.reduce((sum, value) => sum + value, 0) / encoder.dim }
    await run.card({ options: { batchSize, epsilon }, metrics, stopped: 'finished' })
    await run.write('model.onnx', writeModel(await standardised(encoder, mean, deviation)))
    await run.artefact('model', 'model.onnx')
    return { artefact: 'model.onnx', metrics, stopped: 'finished' }
  },
})

async function standardised(
  encoder: Encoder,
  mean: readonly number[],
  deviation: readonly number[],
): Promise<OnnxModel> {
  if (!encoder.onnx || encoder.input.kind !== 'pixels') {
    throw new LookalikeError('train/encoder', {
      problem: `The encoder "${encoder.name}" is no ONNX network`,
      expected: 'one that is, such as mini or onnx',
    })
  }
  const network = readModel(await encoder.onnx.bytes())
  const g = createGraphBuilder({ opset: network.opset['']! })
  const vector = (name: string, values: readonly number[]) => g.initializer(name, float32(Float32Array.from(values)))
  const centred = g.sub(g.input('features', 'float32', ['N', encoder.dim]), vector('mean', mean))
  g.output(g.l2Normalise(g.div(centred, vector('deviation', deviation))), 'standardised', { shape: ['N', encoder.dim] })
  const model = connectModels(network, g.build(), { feed: { features: encoder.onnx.output } })
  // What makes the file an encoder that knows its own preprocessing.
  return {
    ...model,
    metadata: {
      ...model.metadata,
      'lookalike.network': 'encoder',
      'lookalike.preprocessing': JSON.stringify(encoder.input.preprocessing),
    },
  }
}

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'my-plugin',
  description: "Standardises each dimension of an encoder's embeddings.",
  options,
  create: createTrainer,
})

export default [myPlugin]
