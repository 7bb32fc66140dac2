import { stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRegistry, isLookalikeError, LookalikeError, type Registry } from '@lookalike/core'
import {
  CONFIG_FILES,
  createPipeline,
  defaultConfig,
  type LoadedConfig,
  loadConfig,
  loadPlugins,
  type Overrides,
  type Pipeline,
  type PipelineOptions,
} from '@lookalike/pipeline'
import { BUILT_IN, packagesOf } from './built-in-plugins.js'
import type { CommandContext } from './command.js'
import { DEFAULTS } from './defaults.js'

export interface Project {
  readonly loaded: LoadedConfig
  /** All plugins: the built-in ones and the config's. */
  registry(): Promise<Registry>
}

/** The arguments of a command that say which config, and whether it may run code of its own. */
export interface ProjectArgs {
  readonly config?: string | undefined
  readonly 'no-plugins'?: boolean | undefined
}

/**
 * The config that a command works with, and its plugins. Without `--config` and without a config in the current folder,
 * everything is at its default.
 */
export async function openProject(
  { config: at, 'no-plugins': plain }: ProjectArgs,
  overrides: Overrides = {},
): Promise<Project> {
  const options = { overrides, defaults: DEFAULTS, code: plain !== true }
  const loaded =
    at !== undefined || (await hasConfig('.')) ? await loadConfig(at ?? '.', options) : defaultConfig('.', options)
  return { loaded, registry: () => loadRegistry(loaded) }
}

/**
 * Plugins of the given built-in packages, by default all, and the config's. A built-in package that the config lists comes from the config's
 * project.
 */
export async function loadRegistry(loaded: LoadedConfig, packages: readonly string[] = BUILT_IN): Promise<Registry> {
  const own = path.dirname(fileURLToPath(import.meta.url))
  const builtIn = packages.filter((name) => !loaded.config.plugins.includes(name))
  return createRegistry([
    ...(await loadPlugins(builtIn, own)),
    ...(await loadPlugins(loaded.config.plugins, loaded.folder)),
  ])
}

/** Runs `work` on the pipeline of a project, and puts it away in any case. */
export async function withPipeline<T>(
  project: Project,
  context: CommandContext,
  work: (pipeline: Pipeline, registry: Registry) => Promise<T>,
): Promise<T> {
  const make = async (registry: Registry) => ({
    pipeline: await createPipeline(project.loaded, registry, options),
    registry,
  })
  const options: PipelineOptions = {
    signal: context.operation.signal,
    onWarning: context.output.warn,
    encoderOfFile: (model) => ({ use: 'onnx', model }),
    galleryOfFolder: (path) => ({ use: 'local', path }),
  }
  // Packages that the config does not name take time and memory for nothing. Where one was missed, all are loaded.
  const needed = packagesOf(project.loaded.config)
  const { pipeline, registry } = await make(await loadRegistry(project.loaded, needed)).catch(
    async (error: unknown) => {
      if (needed === BUILT_IN || !isLookalikeError(error, 'plugin/unknown')) throw error
      return make(await project.registry())
    },
  )
  try {
    return await work(pipeline, registry)
  } finally {
    await pipeline.dispose()
  }
}

/**
 * `--model m.onnx` stands for an ONNX encoder in the place of the config's encoder or combiner. Options of that encoder may be given with it:
 * `--encoder.batchSize=4`.
 *
 * @throws `cli/conflicting-options` when something else says too what embeds.
 */
export function withModel(overrides: Overrides, model: string | undefined): Overrides {
  if (model === undefined) return overrides
  const rival = Object.keys(overrides).find(
    (key) => ['encoder', 'encoder.use', 'encoder.model'].includes(key) || key.split('.')[0] === 'combiner',
  )
  if (rival !== undefined) {
    throw new LookalikeError(
      'cli/conflicting-options',
      {
        problem: `--model and --${rival} both say what embeds`,
        expected: 'one of them',
        fix: 'Options of the ONNX encoder may be given with --model: --encoder.batchSize=4',
      },
      { fields: { options: ['--model', `--${rival}`] } },
    )
  }
  return { encoder: { use: 'onnx', model: path.resolve(model) }, combiner: undefined, ...overrides }
}

async function hasConfig(folder: string): Promise<boolean> {
  for (const name of CONFIG_FILES) if (await stat(path.join(folder, name)).catch(() => undefined)) return true
  return false
}
