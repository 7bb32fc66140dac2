import path from 'node:path'
import type {
  Dataset,
  EvaluationResult,
  Logger,
  Model,
  OperationOptions,
  Registry,
  TrainerResult,
} from '@lookalike/core'
import { type Embed, evaluate } from '@lookalike/evaluate'
import { askedBy } from '@lookalike/image'
import type { Config } from './config/config.js'
import { type ResolvedConfig, resolveConfig } from './config/resolve-config.js'
import { createGalleryWork } from './gallery/gallery-work.js'
import type { Pipeline, PipelineOptions } from './pipeline.js'
import { createParts, missing, type PipelineParts } from './pipeline-parts.js'
import { runTrainer } from './run/run-trainer.js'
import { insideFolder } from './run/write-inside.js'
import { writeWhole } from './run/write-whole.js'
import { forecastTraining } from './stages/forecast-training.js'
import { stageModels } from './stages/stage-models.js'
import { type PreparedStage, trainStages } from './stages/train-stages.js'

/**
 * Makes a pipeline of a config; every option in it is checked before anything is made.
 *
 * @param loaded a config and the folder that its relative paths start at
 * @throws `config/invalid`, `plugin/unknown`; later, when it is needed, `config/missing` for what the config does not name
 *
 * @example
 * const loaded = await loadConfig('examples/emoji')
 * const pipeline = await createPipeline(loaded, createRegistry(await loadPlugins(loaded.config.plugins, loaded.folder)))
 * const result = await pipeline.evaluate()
 */
export async function createPipeline(
  loaded: { readonly config: Config; readonly folder: string; readonly files?: readonly string[] | undefined },
  registry: Registry,
  options: PipelineOptions = {},
): Promise<Pipeline> {
  return composePipeline(loaded, registry, options, new Map())
}

async function composePipeline(
  loaded: Parameters<typeof createPipeline>[0],
  registry: Registry,
  { galleryOfFolder, encoderOfFile, ...defaults }: PipelineOptions,
  datasets: Map<string, Promise<Dataset>>,
): Promise<Pipeline> {
  const { config } = loaded
  const resolved = await resolveConfig(config, registry, loaded.files?.[0])
  const stages: Pipeline[] = []
  for (const stage of config.stages)
    stages.push(await composePipeline({ ...loaded, config: stage.config }, registry, defaults, datasets))
  const stageRuns = stages.map((stage, i) => ({ ...stage, name: config.stages[i]!.name }))
  const parts = createParts({ config, folder: path.resolve(loaded.folder), registry, datasets, defaults })
  const { at, create, runFolder } = parts
  const embed: Embed = async (images, role, { model: given, cache, ...options } = {}) =>
    (given ?? (await parts.model())).embed(images, role, { ...parts.embedOptions(cache), ...defaults, ...options })

  const pipeline: Pipeline = {
    config,
    runFolder,
    resolved,
    path: parts.placeOf,
    imageFolders: parts.imageFolders,
    ownFolders: parts.ownFolders(typeof config.gallery === 'string' ? at(config.gallery) : undefined),
    dataset: parts.dataset,
    encoder: parts.encoder,
    model: parts.model,
    engine: parts.engine,
    rerankers: parts.rerankers,
    embed,
    ...createGalleryWork(config, parts, embed, galleryOfFolder),
    async evaluate({ asking, ...options } = {}) {
      const whole = asking ? askedBy(await parts.model(), asking) : await parts.model()
      const trained = encoderOfFile ? await stageModels(stageRuns, whole.space, create, encoderOfFile) : []
      for (const { model } of trained) parts.disposeLater(() => model.dispose())
      const own = config.evaluate.baselines
      const model = trained.length === 0 ? whole : besideStages(whole, trained, own)
      return measure(config, parts, embed, model, own || trained.length > 0, options)
    },
    async report(result) {
      const files: string[] = []
      const write = async (name: string, content: string | Uint8Array) => {
        const file = path.join(runFolder, insideFolder(name))
        await writeWhole(file, content)
        files.push(file)
      }
      for (const [name, text] of Object.entries(fileOf(resolved))) await write(name, text)
      for (const reference of config.evaluate.reporters) {
        const reporter = await create('reporter', reference)
        await reporter.write(result, { folder: runFolder, write })
      }
      return files
    },
    train: (options = {}) => train(config, parts, resolved, registry, options),
    trainStages: async (options = {}) => trainStages(stageRuns, options),
    forecast: (options = {}) =>
      forecastTraining(
        stages.length > 0 ? stages : [pipeline],
        { at, create, images: parts.limits, embedding: parts.embedOptions(false) },
        { ...defaults, ...options },
      ),
    async dispose() {
      for (const stage of stages) await stage.dispose()
      await parts.dispose()
    },
  }
  return pipeline
}

/** The config as runs write it beside their results. */
const fileOf = (resolved: ResolvedConfig) => ({
  'config.resolved.json': `${JSON.stringify(resolved, null, 2)}\n`,
})

/** The model, with what stages trained among what it is compared with. */
function besideStages(whole: Model, trained: Awaited<ReturnType<typeof stageModels>>, withOwn: boolean): Model {
  return {
    ...whole,
    baselines: async () => [
      ...trained.map((stage) => ({ ...stage, name: `stage ${stage.name}` })),
      ...((withOwn && (await whole.baselines?.())) || []),
    ],
  }
}

async function measure(
  { name, seed, evaluate: { split, ks, metrics, targetRisks } }: Config,
  parts: PipelineParts,
  embed: Embed,
  model: Model,
  baselines: boolean,
  options: OperationOptions,
): Promise<EvaluationResult> {
  const { defaults } = parts
  return evaluate(
    {
      name,
      split,
      ks,
      metrics,
      baselines,
      targetRisks,
      seed,
      embed,
      dataset: await parts.dataset(),
      model,
      engine: await parts.engine(),
      rerankers: await parts.rerankers(),
    },
    { ...defaults, ...options },
  )
}

async function train(
  config: Config,
  parts: PipelineParts,
  resolved: ResolvedConfig,
  registry: Registry,
  options: Parameters<PreparedStage['train']>[0],
): Promise<TrainerResult> {
  const wanted = config.train ?? missing('train', 'trainer')
  // Everything that can be wrong is found out before the old run is touched.
  const trainer = await parts.create('trainer', wanted)
  const loggers: Logger[] = []
  for (const reference of config.loggers) loggers.push(await parts.create('logger', reference))
  return runTrainer(trainer, {
    loggers,
    ...parts.defaults,
    ...options,
    dataset: await parts.dataset(),
    encoder: await parts.encoder(),
    folder: parts.runFolder,
    seed: config.seed,
    images: parts.embedOptions(),
    settings: resolved.config['train'] as Readonly<Record<string, unknown>>,
    origin: registry.origin('trainer', wanted.use),
    versions: resolved.plugins,
    files: fileOf(resolved),
  })
}
