import { stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { invalidConfig, LookalikeError } from '@lookalike/core'
import { resolveModuleURL } from 'exsolve'
import type { Overrides } from './apply-overrides.js'
import type { Config } from './config.js'
import { mergeConfig } from './merge-config.js'
import { parseConfig } from './parse-config.js'
import { readConfigFile } from './read-config-file.js'

/** Where a config file may be in a folder, first wins. */
export const CONFIG_FILES = ['ts', 'mts', 'js', 'mjs', 'yaml', 'yml', 'json'].map(
  (extension) => `lookalike.config.${extension}`,
)

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
 * `config/extends` when configs extend each other in a circle.
 */
export async function loadConfig(at: string, options: { overrides?: Overrides } = {}): Promise<LoadedConfig> {
  const file = await findConfig(at)
  const folder = path.dirname(file)
  const layers = new Map<string, Promise<Record<string, unknown>>>()
  const merged = await readLayers(file, [], layers)
  const files = [...layers.keys()]
  return { config: parseConfig(merged, path.basename(folder) || 'run', file, options.overrides), files, folder }
}

/** The config of a command that was given none: all defaults, and the overrides. */
export function defaultConfig(folder: string, overrides: Overrides = {}): LoadedConfig {
  const config = parseConfig({}, path.basename(path.resolve(folder)) || 'run', undefined, overrides)
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

/** A config on top of all that it extends. `layers` keeps what each file comes to, so that none is read twice. */
async function readLayers(
  file: string,
  above: readonly string[],
  layers: Map<string, Promise<Record<string, unknown>>>,
): Promise<Record<string, unknown>> {
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
  const known = layers.get(file)
  if (known) return known
  const read = (async () => {
    const { extends: bases, ...own } = await readConfigFile(file)
    let merged: Record<string, unknown> = {}
    for (const base of basesOf(bases, file))
      merged = mergeConfig(merged, await readLayers(base, [...above, file], layers))
    return mergeConfig(merged, above.length > 0 ? withOwnPlugins(own, path.dirname(file)) : own)
  })()
  layers.set(file, read)
  return read
}

/** The files that a config extends. */
function basesOf(given: unknown, file: string): string[] {
  const bases: unknown[] = given === undefined ? [] : Array.isArray(given) ? given : [given]
  return bases.map((base, index) => {
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
