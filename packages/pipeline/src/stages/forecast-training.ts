import { stat } from 'node:fs/promises'
import path from 'node:path'
import {
  type Dataset,
  type DatasetItem,
  type EmbedOptions,
  type Encoder,
  type EstimateRequest,
  type ImageLimits,
  isLookalikeError,
  LookalikeError,
  type OperationOptions,
  type Reference,
  type Trainer,
  type TrainingEstimate,
} from '@lookalike/core'
import { embedImages } from '@lookalike/image'
import type { Config } from '../config/config.js'

/** How long a training will take on this machine, and how much memory. */
export interface TrainingForecast {
  /** Of the stage, or of the run. */
  readonly name: string
  /** Undefined where nothing is known; then there is a note. */
  readonly estimate?: TrainingEstimate | undefined
  /** What the estimate leaves out, or stands on. */
  readonly note?: string | undefined
}

/** A training that is to be foreseen: a config at work. */
interface Foreseen {
  readonly config: Config
  readonly runFolder: string
  dataset(): Promise<Dataset>
  encoder(): Promise<Encoder>
}

export interface ForecastParts {
  /** A path of the config as an absolute one. */
  at(relative: string): string
  create(kind: 'trainer', reference: Reference<'trainer'>): Promise<Trainer>
  readonly images: ImageLimits
  /** How images are embedded; without a cache, which would hide what it costs. */
  readonly embedding: EmbedOptions
}

/** Images that the time of embedding is measured on, where a trainer does not tell. */
const SAMPLE = 8

/** Foresees trainings that come one after the other; one whose encoder an earlier one has yet to make is measured with the start of that one. */
export async function forecastTraining(
  trainings: readonly Foreseen[],
  parts: ForecastParts,
  options: OperationOptions,
): Promise<TrainingForecast[]> {
  const folders = trainings.map(({ runFolder }) => runFolder)
  const startOf = async (i: number): Promise<{ encoder: Encoder; standsIn: boolean }> => {
    const missed = await waitsFor(trainings[i]!.config.encoder?.options, folders.slice(0, i), parts.at)
    return missed === undefined
      ? { encoder: await trainings[i]!.encoder(), standsIn: false }
      : { encoder: (await startOf(missed)).encoder, standsIn: true }
  }
  const forecasts: TrainingForecast[] = []
  for (const [i, training] of trainings.entries())
    forecasts.push(await forecastOne(training, await startOf(i), parts, options))
  return forecasts
}

async function forecastOne(
  { config, runFolder, dataset: open }: Foreseen,
  { encoder, standsIn }: { readonly encoder: Encoder; readonly standsIn: boolean },
  { create, images, embedding }: ForecastParts,
  options: OperationOptions,
): Promise<TrainingForecast> {
  const name = path.basename(runFolder)
  if (config.train === undefined) throw noTrainer()
  const notes = standsIn ? ['measured with the encoder that the earlier stage starts from'] : []
  const dataset = await open()
  const embed: EstimateRequest['embed'] = (by, requests, own = {}) =>
    embedImages(by, requests, { ...embedding, ...options, ...own })
  const trainer = await create('trainer', config.train).catch((error: unknown) => {
    // Its parts are still to be trained by an earlier stage.
    if (!isLookalikeError(error, 'onnx/file') && !isLookalikeError(error, 'ensemble/not-merged')) throw error
    return undefined
  })
  if (trainer?.estimate) {
    const estimate = await trainer.estimate({ ...options, dataset, encoder, images, embed, seed: config.seed })
    return { name, estimate, note: notes.join('; ') || undefined }
  }
  const items = dataset.items.filter(({ split }) => split !== 'test')
  const secondsEach = await timeEmbedding(embed, encoder, items.slice(0, SAMPLE))
  return {
    name,
    estimate: {
      parts: [{ name: 'embedding', count: items.length, unit: 'image', secondsEach }],
      bytes: process.memoryUsage.rss(),
    },
    note: [...notes, 'embedding by one encoder alone: what else the trainer does is not foreseen'].join('; '),
  }
}

/** Seconds an image; the first time only warms up. */
async function timeEmbedding(
  embed: EstimateRequest['embed'],
  encoder: Encoder,
  sample: readonly DatasetItem[],
): Promise<number> {
  await embed(encoder, sample)
  const began = performance.now()
  await embed(encoder, sample)
  return (performance.now() - began) / 1000 / Math.max(1, sample.length)
}

function noTrainer(): LookalikeError {
  return new LookalikeError(
    'config/missing',
    {
      problem: 'The config names no trainer',
      expected: 'train: { use: ... }',
      fix: 'Those that are installed: lookalike plugins trainer',
    },
    { fields: { key: 'train' } },
  )
}

/** The earlier stage that has yet to write a file that these options name. */
async function waitsFor(
  options: unknown,
  folders: readonly string[],
  at: (relative: string) => string,
): Promise<number | undefined> {
  for (const text of textsOf(options)) {
    const file = at(text)
    const stage = folders.findIndex((folder) => file.startsWith(folder + path.sep))
    if (stage >= 0 && !(await stat(file).catch(() => undefined))) return stage
  }
  return undefined
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}
