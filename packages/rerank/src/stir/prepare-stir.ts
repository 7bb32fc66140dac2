import { createHash } from 'node:crypto'
import {
  type DatasetItem,
  type Embeddings,
  type Encoder,
  LookalikeError,
  type OperationOptions,
  type Preprocessing,
  selectRows,
  type TrainerRequest,
} from '@lookalike/core'
import { checkProviders, type Execution, float32, type OnnxModel, readModel, withInitializers } from '@lookalike/onnx'
import { selectTrainingData } from '@lookalike/train'
import { buildPairModel, type PairModel } from '../pair/build-pair-model.js'
import { NAMES } from '../pair/pair-spec.js'
import type { StirParts } from './stir-parts.js'
import type { StirTrainingSettings } from './training-options.js'

/** Images that could be read, and what the encoder makes of them. */
export interface EmbeddedItems {
  readonly items: readonly DatasetItem[]
  readonly embeddings: Embeddings
  /** What finds the lists, where that is not the encoder: its embeddings of the same images. */
  readonly search?: Embeddings | undefined
}

/** What a training of a pair model works on. */
export interface StirTraining {
  readonly settings: StirTrainingSettings
  readonly request: TrainerRequest
  readonly operation: OperationOptions
  /** How networks run, and how images are read. */
  readonly running: Execution & { readonly limits: TrainerRequest['images'] }
  readonly pair: PairModel
  /** The pair model without a say of the encoder's distance: so it is trained on hard pairs, and so its logits are measured. */
  readonly bare: OnnxModel
  readonly preprocessing: Preprocessing
  /** SHA-256 of the encoder's network. */
  readonly network: string
  readonly training: EmbeddedItems & { readonly labels: Int32Array }
  readonly held: EmbeddedItems
  /** Facts for the log and the card. */
  readonly data: { readonly images: number; readonly classes: number; readonly validationImages: number }
}

/** @throws `pair/no-network` when the encoder is no ONNX network; the codes of choosing and reading the images. */
export async function prepareStir(
  settings: StirTrainingSettings,
  request: TrainerRequest,
  { threads, search: openSearch }: Pick<StirParts, 'threads' | 'search'>,
): Promise<StirTraining> {
  const { encoder, run, signal, onProgress, onWarning } = request
  const { pair, bytes, preprocessing } = await openPair(settings, encoder, run.seed)
  const all = selectTrainingData(request.dataset, settings.validation, run.seed, onWarning)
  const search = settings.search && (await openedSearch(openSearch))
  const embed = async (items: readonly DatasetItem[]) => {
    const { embeddings, positions } = await request.embed(encoder, items)
    const readable = Array.from(positions, (position) => items[position]!)
    if (!search) return { embeddings, items: readable, positions }
    const found = await request.embed(search, readable)
    return {
      embeddings: selectRows(embeddings, found.positions),
      search: found.embeddings,
      items: Array.from(found.positions, (position) => readable[position]!),
      positions: Array.from(found.positions, (position) => positions[position]!),
    }
  }
  const [training, held] = await closing(search, async () => [await embed(all.items), await embed(all.validation)])
  return {
    settings,
    request,
    operation: { signal, onProgress, onWarning },
    running: { providers: settings.providers, threads, limits: request.images },
    pair,
    bare: pair.spec.stageOne ? withInitializers(pair.model, [[NAMES.scale, float32([0])]]) : pair.model,
    preprocessing,
    network: createHash('sha256').update(bytes).digest('hex'),
    training: { ...training, labels: Int32Array.from(training.positions, (position) => all.labels[position]!) },
    held,
    data: { images: training.items.length, classes: all.classes.length, validationImages: held.items.length },
  }
}

function openedSearch(open: StirParts['search']): Promise<Encoder> {
  if (!open) throw new TypeError('The options name an encoder that searches, and the parts have none.')
  return open()
}

async function closing<T>(search: Encoder | undefined, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    await search?.dispose()
  }
}

/** The pair model of an encoder. */
export async function openPair(settings: StirTrainingSettings, encoder: Encoder, seed: number) {
  if (!encoder.onnx || encoder.input.kind !== 'pixels') throw noNetwork(encoder.name)
  await checkProviders(settings.providers)
  const { preprocessing } = encoder.input
  const bytes = await encoder.onnx.bytes()
  const { fusion, direction, stageOne, grid, blocks, dim } = settings
  const pair = await buildPairModel(
    { model: readModel(bytes), output: encoder.onnx.output, preprocessing },
    { fusion, direction, blocks, dim, seed, grid, stageOne },
  )
  return { pair, bytes, preprocessing }
}

function noNetwork(encoder: string): LookalikeError {
  return new LookalikeError(
    'pair/no-network',
    {
      problem: `The encoder ${encoder} is not an ONNX network, so no pair model can be made of it`,
      expected: 'an encoder with a network: vit, onnx, mini, ...',
      fix: 'Choose another encoder.',
    },
    { fields: { encoder } },
  )
}
