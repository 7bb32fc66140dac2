import {
  type DatasetItem,
  definePlugin,
  type Embeddings,
  type Sampler,
  selectRows,
  type Trainer,
  type TrainerRequest,
  type UnboundLoss,
} from '@lookalike/core'
import { checkProviders, extractModel, float32, readModel } from '@lookalike/onnx'
import { z } from 'zod'
import { measureValidation } from '../data/measure-validation.js'
import { selectTrainingData } from '../data/select-training-data.js'
import { buildHead, connectHead, freeName, headSchema } from '../model/add-head.js'
import { createTrainableModel } from '../model/create-trainable-model.js'
import { commonOptions, decisiveSettings } from './common-options.js'
import { trainableEncoder } from './metric-learning.js'
import { hashBytes, trainEmbedding } from './train-embedding.js'

const options = z.strictObject({
  ...commonOptions,
  epochs: commonOptions.epochs.default(10),
  head: headSchema.prefault({}).describe("The head on the encoder's output."),
})

export type HeadTrainerOptions = z.input<typeof options>
type Settings = z.output<typeof options>

export interface HeadTrainerParts {
  readonly loss: UnboundLoss
  readonly sampler: Sampler
  /** Processor threads. */
  readonly threads?: number | undefined
}

/**
 * Trains a head on the embeddings of a frozen encoder: every image is embedded once, and an epoch takes seconds. The result is one network,
 * encoder and head. Images are seen as they are: augmentations would need new embeddings each time.
 */
export function headOnFrozen(given: HeadTrainerOptions, parts: HeadTrainerParts): Trainer {
  const settings = options.parse(given)
  return {
    specVersion: 'v1',
    name: 'head',
    settings: decisiveSettings(settings),
    train: (request) => train(request, settings, parts),
  }
}

async function train(request: TrainerRequest, settings: Settings, parts: HeadTrainerParts) {
  const { encoder, onWarning } = request
  const { seed } = request.run
  const { onnx, preprocessing } = trainableEncoder(encoder)
  await checkProviders(settings.providers)
  // What cannot be trained on shows before anything is embedded.
  selectTrainingData(request.dataset, settings.validation, seed, undefined, { orImages: true })
  const bytes = await onnx.bytes()
  const whole = readModel(bytes, { source: encoder.name })
  const head = buildHead(encoder.dim, seed, settings.head, {
    opset: whole.opset['']!,
    output: freeName(whole, 'embedding'),
  })

  const items = request.dataset.items.filter(({ split }) => split !== 'test')
  const { embeddings, positions } = await request.embed(encoder, items)
  const readable = Array.from(positions, (position) => items[position]!)
  const data = selectTrainingData({ ...request.dataset, items: readable }, settings.validation, seed, onWarning, {
    orImages: true,
  })
  const rows = new Map(readable.map(({ id }, row) => [id, row]))
  const featuresOf = (wanted: readonly DatasetItem[]) =>
    selectRows(
      embeddings,
      wanted.map(({ id }) => rows.get(id)!),
    )
  const features = featuresOf(data.items)
  const held = featuresOf(data.validation)

  const model = createTrainableModel(head.model, {
    chunk: Number.MAX_SAFE_INTEGER,
    providers: settings.providers,
    threads: parts.threads,
  })
  try {
    return await trainEmbedding({
      request,
      trainer: 'head',
      settings,
      options: settings,
      data,
      sampler: parts.sampler,
      loss: parts.loss,
      model,
      output: head.output,
      dim: head.dim,
      network: hashBytes(bytes),
      preprocessing,
      async *load(_epoch, batches, start) {
        for (const positions of batches.slice(start))
          yield { positions, feeds: { features: tensorOf(selectRows(features, positions)) } }
      },
      async embedValidation(weights) {
        const outputs = await model.forward({ features: tensorOf(held) }, { weights })
        return measureValidation(data.validation, outputs[head.output]!.data, head.dim)
      },
      untuned: {
        network: extractModel(whole, { outputs: [onnx.output] }),
        dim: encoder.dim,
        measure: () => measureValidation(data.validation, held.data, encoder.dim),
      },
      finish: (weights) => connectHead(whole, onnx.output, model.export(weights)),
    })
  } finally {
    await model.dispose()
  }
}

const tensorOf = ({ data, rows, dim }: Embeddings) => float32(data, [rows, dim])

export const headPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'head',
  description: 'Trains a head on the embeddings of a frozen encoder, in seconds.',
  options,
  async create(settings, context) {
    await checkProviders(settings.providers)
    return headOnFrozen(settings, {
      loss: await context.create('loss', settings.loss),
      sampler: await context.create('sampler', settings.sampler),
      threads: context.threads,
    })
  },
})

declare module '@lookalike/core' {
  interface TrainerPlugins {
    head: HeadTrainerOptions
  }
}
