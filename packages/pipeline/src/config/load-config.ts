import { stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { invalidConfig, LookalikeError } from '@lookalike/core'
import { resolveModuleURL } from 'exsolve'
import type { Overrides } from './apply-overrides.js'
import type { Config, UserConfig } from './config.js'
import { fillDefaults, mergeConfig } from './merge-config.js'
import { parseConfig } from './parse-config.js'
import { readConfigFile } from './read-config-file.js'

/** Where a config file may be in a folder, first wins. */
export const CONFIG_FILES = 'ts mts js mjs yaml yml json'.split(' ').map((extension) => `lookalike.config.${extension}`)

export interface LoadConfigOptions {
  readonly overrides?: Overrides | undefined
  /** What holds where the config says nothing: the plugins that whoever loads it brings along. Default: none. */
  readonly defaults?: UserConfig | undefined
  /** Whether the config may run code: plugins, configs in TypeScript or JavaScript, packages that it extends. Default true. */
  readonly code?: boolean | undefined
}

export interface LoadedConfig {
  readonly config: Config
  /** The config's file, and the ones that it extends. */
  readonly files: readonly string[]
  /** Relative paths in the config start here. */
  readonly folder: string
}

/**
 * Reads a config file: `lookalike.config.{ts,js,mjs,yaml,json}` of a folder, or the given file.
 *
 * @param at a file or a folder
 * @throws `config/not-found`, `config/unreadable` with what the parser said, `config/invalid`, `config/override`,
 * `config/extends` when configs extend each other in a circle, `config/runs-code` with `code: false`.
 */
export async function loadConfig(
  at: string,
  { overrides = {}, defaults = {}, code = true }: LoadConfigOptions = {},
): Promise<LoadedConfig> {
  const file = await findConfig(at)
  const folder = path.dirname(file)
  const layers = new Map<string, Promise<Record<string, unknown>>>()
  const merged = await readLayers(file, [], { layers, code })
  const files = [...layers.keys()]
  const config = parseConfig(fillDefaults(merged, defaults), path.basename(folder) || 'run', file, overrides)
  if (!code) refusePlugins(config, file)
  return { config, files, folder }
}

/** The config of a command that was given none: all defaults, and the overrides. */
export function defaultConfig(
  folder: string,
  { overrides = {}, defaults = {}, code = true }: LoadConfigOptions = {},
): LoadedConfig {
  const config = parseConfig({ ...defaults }, path.basename(path.resolve(folder)) || 'run', undefined, overrides)
  if (!code) refusePlugins(config, 'the command line')
  return { config, files: [], folder: path.resolve(folder) }
}

/** @throws `config/not-found` */
async function findConfig(at: string): Promise<string> {
  const full = path.resolve(at)
  const found = await stat(full).catch(() => undefined)
  if (found?.isFile()) return full
  if (found?.isDirectory()) {
    for (const name of CONFIG_FILES) {
      const file = path.join(full, name)
      if ((await stat(file).catch(() => undefined))?.isFile()) return file
    }
  }
  throw new LookalikeError(
    'config/not-found',
    found
      ? {
          problem: `There is no config in ${full}`,
          expected: CONFIG_FILES.join(', '),
          fix: 'Make one with: lookalike init',
        }
      : { problem: `The config ${full} does not exist`, fix: 'Check the path, or make one with: lookalike init' },
    { fields: { path: full } },
  )
}

interface Reading {
  /** What each file comes to, so that none is read twice. */
  readonly layers: Map<string, Promise<Record<string, unknown>>>
  readonly code: boolean
}

/** Files that only hold data. */
const PLAIN = ['.yaml', '.yml', '.json']

function refusePlugins({ plugins }: Config, file: string): void {
  if (plugins.length > 0) throw runsCode(`${file} names plugins: ${plugins.join(', ')}`, file)
}

function runsCode(problem: string, file: string): LookalikeError {
  return new LookalikeError(
    'config/runs-code',
    {
      problem: `${problem}, which would run code of its author`,
      expected: 'with --no-plugins a config in YAML or JSON that names built-in plugins alone',
      fix: 'Read that code first. If you trust it, leave --no-plugins out.',
    },
    { fields: { path: file } },
  )
}

/** A config on top of all that it extends. */
async function readLayers(file: string, above: readonly string[], reading: Reading): Promise<Record<string, unknown>> {
  if (above.includes(file)) {
    throw new LookalikeError(
      'config/extends',
      {
        problem: `Configs extend each other in a circle: ${[...above, file].join(' -> ')}`,
        fix: 'Take one "extends" out.',
      },
      { fields: { files: [...above, file] } },
    )
  }
  const { layers, code } = reading
  const known = layers.get(file)
  if (known) return known
  if (!code && !PLAIN.includes(path.extname(file))) throw runsCode(`The config ${file} is a program`, file)
  const read = (async () => {
    const { extends: bases, ...own } = await readConfigFile(file)
    let merged: Record<string, unknown> = {}
    for (const base of basesOf(bases, file, code))
      merged = mergeConfig(merged, await readLayers(base, [...above, file], reading))
    return mergeConfig(merged, above.length > 0 ? withOwnPlugins(own, path.dirname(file)) : own)
  })()
  layers.set(file, read)
  return read
}

/** The files that a config extends. */
function basesOf(given: unknown, file: string, code: boolean): string[] {
  const bases: unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given]
  return bases.map((base, index) => {
    if (!code && typeof base === 'string' && !base.startsWith('.') && !path.isAbsolute(base))
      throw runsCode(`The config ${file} extends the package ${base}`, file)
    if (typeof base === 'string') return resolveBase(base, path.dirname(file))
    const issue = { problem: `${JSON.stringify(base)} is no path`, expected: 'a path or a package' }
    throw invalidConfig([{ path: Array.isArray(given) ? `extends[${index}]` : 'extends', ...issue }], file)
  })
}

/** Files of plugins belong to the config that names them, not to the one that extends it. */
function withOwnPlugins(config: Record<string, unknown>, folder: string): Record<string, unknown> {
  if (!Array.isArray(config.plugins)) return config
  const plugins = config.plugins.map((plugin: unknown) =>
    typeof plugin === 'string' && plugin.startsWith('.') ? path.resolve(folder, plugin) : plugin,
  )
  return { ...config, plugins }
}

function resolveBase(base: string, folder: string): string {
  const url = resolveModuleURL(path.isAbsolute(base) ? pathToFileURL(base).href : base, {
    from: pathToFileURL(path.join(folder, 'config.js')).href,
    extensions: ['.ts', '.mts', '.js', '.mjs', '.yaml', '.yml', '.json'],
    suffixes: ['', '/lookalike.config', '/index'],
    try: true,
    cache: false,
  })
  if (url !== undefined) return fileURLToPath(url)
  throw new LookalikeError(
    'config/not-found',
    {
      problem: `The config ${base}, which a config in ${folder} extends, was not found`,
      expected: 'a path relative to the config, or an installed package',
    },
    { fields: { path: base, folder } },
  )
}
