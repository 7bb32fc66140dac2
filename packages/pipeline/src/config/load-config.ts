import { stat } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { invalidConfig, isLookalikeError, LookalikeError } from '@lookalike/core'
import { loadConfig as loadFile } from 'c12'
import { resolveModuleURL } from 'exsolve'
import { applyOverrides, type Overrides } from './apply-overrides.js'
import type { Config } from './config.js'
import { mergeConfig } from './merge-config.js'
import { parseConfig } from './parse-config.js'

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
  const files: string[] = []
  const merged = await readLayers(file, [], files)
  const withOverrides = applyOverrides(merged, options.overrides ?? {})
  return { config: parseConfig(withOverrides, path.basename(folder) || 'run', file), files, folder }
}

/** The config of a command that was given none: all defaults, and the overrides. */
export function defaultConfig(folder: string, overrides: Overrides = {}): LoadedConfig {
  const config = parseConfig(applyOverrides({}, overrides), path.basename(path.resolve(folder)) || 'run')
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

async function readLayers(file: string, above: readonly string[], files: string[]): Promise<Record<string, unknown>> {
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
  const own = await readFile(file)
  files.push(file)
  const folder = path.dirname(file)
  const extended = own.extends === undefined ? [] : Array.isArray(own.extends) ? own.extends : [own.extends]
  let merged: Record<string, unknown> = {}
  for (const [index, base] of extended.entries()) {
    if (typeof base !== 'string') {
      throw invalidConfig(
        [
          {
            path: Array.isArray(own.extends) ? `extends[${index}]` : 'extends',
            problem: `${JSON.stringify(base)} is no path`,
            expected: 'a path or a package',
          },
        ],
        file,
      )
    }
    merged = mergeConfig(merged, await readLayers(resolveBase(base, folder), [...above, file], files))
  }
  if (above.length > 0 && Array.isArray(own.plugins)) {
    // Files of plugins belong to the config that names them, not to the one that extends it.
    own.plugins = own.plugins.map((plugin) =>
      typeof plugin === 'string' && plugin.startsWith('.') ? path.resolve(folder, plugin) : plugin,
    )
  }
  const { extends: _extends, ...rest } = own
  return mergeConfig(merged, rest)
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

async function readFile(file: string): Promise<Record<string, unknown>> {
  let config: unknown
  try {
    const loaded = await loadFile({
      cwd: path.dirname(file),
      configFile: path.basename(file),
      name: 'lookalike',
      dotenv: false,
      rcFile: false,
      globalRc: false,
      packageJson: false,
      envName: false,
      extend: false,
      giget: false,
      // The default one concatenates arrays; there is one layer here, so nothing is left to merge.
      merger: (...sources: unknown[]) =>
        (sources.find((source) => source !== undefined && source !== null) ?? {}) as never,
    })
    config = loaded.config
  } catch (cause) {
    if (isLookalikeError(cause)) throw cause
    throw new LookalikeError(
      'config/unreadable',
      {
        problem: `The config ${file} could not be read: ${cause instanceof Error ? cause.message.trim() : String(cause)}`,
      },
      { fields: { path: file }, cause },
    )
  }
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new LookalikeError(
      'config/unreadable',
      {
        problem: `The config ${file} holds ${config === null ? 'nothing' : Array.isArray(config) ? 'an array' : `a ${typeof config}`}`,
        expected: 'an object',
      },
      { fields: { path: file } },
    )
  }
  // A copy: modules are cached, and the caller changes it.
  return { ...(config as Record<string, unknown>) }
}
