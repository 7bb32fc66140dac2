import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import {
  type Dataset,
  type EmbedOptions,
  type Encoder,
  type ImageLimits,
  type LoggedEnd,
  type Logger,
  LookalikeError,
  type OperationOptions,
  type PluginOrigin,
  type Run,
  type Trainer,
  type TrainerRequest,
  type TrainerResult,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { embedImages, removeUnfinished } from '@lookalike/image'
import { createRun } from './create-run.js'
import { keepEntries } from './create-run-log.js'
import { hashDataset } from './hash-dataset.js'
import { type Difference, describeDifference, listDifferences } from './list-differences.js'
import { openLoggers, type RunLoggers } from './open-loggers.js'
import { isModelCard, renderModelCard } from './render-model-card.js'
import { RUN_FILE, type RunFile, readRunFile, writeRunFile } from './run-file.js'
import { writeInside } from './write-inside.js'

export interface RunTrainerOptions extends OperationOptions {
  readonly dataset: Dataset
  /** The encoder to start from. */
  readonly encoder: Encoder
  /** The run's folder; made where there is none. */
  readonly folder: string
  readonly seed: number
  /** Go on with the folder's run, where there is one. */
  readonly resume?: boolean | undefined
  /** Leave a finished run as it is where it was trained as it would be now. */
  readonly keepFinished?: boolean | undefined
  /** Replace the folder's run. */
  readonly overwrite?: boolean | undefined
  /** How images are embedded: limits, cache, what happens with corrupt ones. */
  readonly images?: EmbedOptions | undefined
  /** What the config says to the trainer, for trainers that do not say themselves which of their options decide the result. */
  readonly settings?: Readonly<Record<string, unknown>> | undefined
  /** Where the trainer comes from. */
  readonly origin?: PluginOrigin | undefined
  /** Versions worth noting, by what they are of. */
  readonly versions?: Readonly<Record<string, string>> | undefined
  /** Where figures go besides the run's log. */
  readonly loggers?: readonly Logger[] | undefined
  /** Texts that are put into the folder when the run starts, by file name. */
  readonly files?: Readonly<Record<string, string>> | undefined
}

/**
 * Trains in a folder, with everything that makes a run of it: `run.json`, which is there first and says how it ended, log, card, checkpoints.
 *
 * @throws `train/run-exists` when the folder holds a run that is neither to go on nor to be replaced; `train/run-differs` naming what is not as the
 * run was started with; `train/run-damaged`, `train/write`, and what the trainer throws.
 *
 * @example
 * const result = await runTrainer(trainer, { dataset, encoder, folder: 'runs/shop', seed: 0 })
 */
export async function runTrainer(trainer: Trainer, options: RunTrainerOptions): Promise<TrainerResult> {
  const folder = path.resolve(options.folder)
  const started = describeRun(trainer, options)
  const before = await admit(folder, started, options)
  await removeUnfinished(folder)
  // After a crash the rest of a torn line would swallow the next entry.
  if (before) await keepEntries(path.join(folder, 'log.jsonl'), () => true)
  let file: RunFile = before ? { ...before, state: 'running', error: undefined, versions: started.versions } : started
  const update = async (change: Partial<RunFile>) => {
    file = { ...file, ...change, updatedAt: new Date().toISOString() }
    await writeRunFile(folder, file)
  }
  await update({})
  let loggers: RunLoggers | undefined
  const end = async (ended: LoggedEnd) => {
    const open = loggers
    loggers = undefined
    await open?.close(ended)
  }
  try {
    for (const [name, text] of Object.entries(options.files ?? {})) await writeInside(folder, name, text)
    const data = { dataset: options.dataset.name, hash: await hashTrainingData(options) }
    if (before?.data && before.data.hash !== data.hash)
      throw differs(folder, listDifferences(before.data, data, 'data'))
    await update({ data })
    if (options.keepFinished && before?.state === 'finished' && before.artefact !== undefined) {
      await update({ state: 'finished' })
      return {
        artefact: before.artefact,
        metrics: before.metrics ?? {},
        stopped: 'finished',
        usedBy: before.usedBy,
      }
    }
    const { trainer: origin, encoder, seed, settings } = started
    const facts = { trainer: origin, encoder, data, seed, settings }
    loggers = await openLoggers(
      options.loggers ?? [],
      { name: path.basename(folder), folder, resumed: before !== undefined, facts },
      options.onWarning,
    )
    const run = createRun({
      loggers,
      folder,
      seed: options.seed,
      resumed: before !== undefined,
      data,
      facts: cardFacts(trainer, options),
      note: (name, artefact) => update({ artefacts: { ...file.artefacts, [name]: artefact } }),
    })
    const result = await trainer.train(requestFor(run, options))
    const state = result.stopped === 'aborted' ? 'aborted' : 'finished'
    await end({ state, metrics: result.metrics })
    if (state === 'finished') await writeCard(folder, file, result)
    await update({
      state,
      artefact: result.artefact,
      metrics: result.metrics,
      usedBy: result.usedBy,
    })
    return result
  } catch (error) {
    const aborted = options.signal?.aborted && error === options.signal.reason
    await end({ state: aborted ? 'aborted' : 'failed', metrics: {} })
    await update(
      options.signal?.aborted && error === options.signal.reason
        ? { state: 'aborted' }
        : { state: 'failed', error: errorFacts(error) },
    ).catch(() => undefined)
    throw error
  }
}

/** `README.md` of the run's folder, as model hubs read it. One that people wrote stays. */
async function writeCard(
  folder: string,
  { trainer, encoder, data, seed, settings, versions }: RunFile,
  { artefact, metrics, costs }: TrainerResult,
): Promise<void> {
  const there = await readFile(path.join(folder, 'README.md'), 'utf8').catch(() => undefined)
  if (there !== undefined && !isModelCard(there)) return
  const of = {
    name: path.basename(folder),
    file: artefact,
    encoder: costs?.[0]?.name ?? encoder.name,
    dataset: data?.dataset,
  }
  await writeInside(
    folder,
    'README.md',
    renderModelCard({ ...of, trainer: trainer.name, metrics, costs, seed, settings, versions }),
  )
}

function describeRun(trainer: Trainer, { encoder, seed, settings, origin, versions }: RunTrainerOptions): RunFile {
  const facts = {
    trainer: { name: trainer.name, package: origin?.package, version: origin?.version },
    seed,
    encoder: { name: encoder.name, space: encoder.space },
    // As it comes back from the file.
    settings: JSON.parse(JSON.stringify(trainer.settings ?? settings ?? {})) as Record<string, unknown>,
  }
  const now = new Date().toISOString()
  return {
    format: 'lookalike-run',
    version: 1,
    ...facts,
    state: 'running',
    configHash: createHash('sha256')
      .update(JSON.stringify({ ...facts, trainer: trainer.name }))
      .digest('hex'),
    artefacts: {},
    versions: { node: process.versions.node, ...versions },
    startedAt: now,
    updatedAt: now,
  }
}

/** The run to go on with, if there is one; makes room where it is to be replaced. */
async function admit(
  folder: string,
  started: RunFile,
  { resume = false, overwrite = false, onWarning }: RunTrainerOptions,
): Promise<RunFile | undefined> {
  if (resume && overwrite) {
    throw new LookalikeError('train/resume-or-overwrite', {
      problem: 'A run cannot both go on and be replaced',
      fix: 'Give --resume or --overwrite.',
    })
  }
  if (overwrite) {
    const present = await readRunFile(folder).catch(() => true)
    if (present) await rm(folder, { recursive: true })
    return undefined
  }
  const before = await readRunFile(folder)
  if (!before) return undefined
  if (!resume) throw runExists(folder, before)
  const different = listDifferences(comparable(before), comparable(started), '')
  if (different.length > 0) throw differs(folder, different)
  if (before.trainer.version !== started.trainer.version) onWarning?.(otherVersion(folder, before, started))
  return before
}

const comparable = ({ trainer, seed, encoder, settings }: RunFile) => ({
  trainer: trainer.name,
  seed,
  encoder: encoder.space,
  train: settings,
})

/** What training may look at: the test part stays out. */
function hashTrainingData({ dataset, signal, onProgress }: RunTrainerOptions): Promise<string> {
  return hashDataset(dataset, { splits: ['train', 'validation'], signal, onProgress })
}

function cardFacts(trainer: Trainer, { encoder, origin }: RunTrainerOptions): Record<string, unknown> {
  return {
    trainer: trainer.name,
    version: origin?.version,
    node: process.versions.node,
    startedFrom: { encoder: encoder.name, space: encoder.space },
  }
}

const limitsOf = ({ maxPixels, maxBytes, deadline, truncated, urls }: EmbedOptions = {}): ImageLimits => ({
  maxPixels,
  maxBytes,
  deadline,
  truncated,
  urls,
})

function requestFor(run: Run, options: RunTrainerOptions): TrainerRequest {
  const { dataset, encoder, images, signal, onProgress, onWarning } = options
  const operation: OperationOptions = { signal, onProgress, onWarning }
  return {
    ...operation,
    dataset,
    encoder,
    run,
    images: limitsOf(images),
    embed: (by, requests, own = {}) => embedImages(by, requests, { ...images, ...operation, ...defined(own) }),
  }
}

/** Without what is undefined, so that it leaves what it is spread over. */
function defined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function errorFacts(error: unknown): { code: string; message: string } {
  const { code, message } = toWarning(error)
  return { code, message }
}

function runExists(folder: string, { trainer, state }: RunFile): LookalikeError {
  return new LookalikeError(
    'train/run-exists',
    {
      problem: `${folder} holds a run of the trainer ${trainer.name} (${state})`,
      expected: 'a new name, or to be told whether to go on with it or to replace it',
      fix: 'Continue it with --resume, replace it with --overwrite, or train under another name with --name=...',
    },
    { fields: { folder, trainer: trainer.name, state } },
  )
}

function differs(folder: string, different: readonly Difference[]): LookalikeError {
  return new LookalikeError(
    'train/run-differs',
    {
      problem: `The run in ${folder} cannot go on, because it was started otherwise: ${different.map(describeDifference).join('; ')}`,
      expected: `what ${path.join(folder, RUN_FILE)} says`,
      fix: 'Put the config back, replace the run with --overwrite, or train under another name with --name=...',
    },
    { fields: { folder, different: different.map(({ path: where }) => where) } },
  )
}

function otherVersion(folder: string, { trainer: was }: RunFile, { trainer: is }: RunFile): Warning {
  return {
    code: 'train/version-changed',
    message: `The run in ${folder} was started with version ${was.version ?? 'unknown'} of the trainer ${is.name} and goes on with ${is.version ?? 'unknown'}: the result may not be that of one uninterrupted run.`,
    fields: { folder, trainer: is.name, was: was.version, is: is.version },
  }
}
