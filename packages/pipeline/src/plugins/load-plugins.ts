import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { checkPlugin, type LoadedPlugin, LookalikeError, type PluginOrigin } from '@lookalike/core'
import { resolveModuleURL } from 'exsolve'
import { importModule } from './import-module.js'

/**
 * The plugins of packages and files. A package is looked up from `fromFolder`, the config's folder, so that a config gets
 * what its own project has installed; `./x.js` and `./x.ts` are files of that folder.
 *
 * @throws `plugin/not-found` with the install command, `plugin/failed` when the module throws on import,
 * `plugin/invalid`, `plugin/spec-version`.
 */
export async function loadPlugins(specifiers: readonly string[], fromFolder: string): Promise<LoadedPlugin[]> {
  const loaded = await Promise.all(specifiers.map((specifier) => loadOne(specifier, fromFolder)))
  return loaded.flat()
}

async function loadOne(specifier: string, fromFolder: string): Promise<LoadedPlugin[]> {
  const url = resolvePlugin(specifier, fromFolder)
  if (url === undefined) throw notFound(specifier, fromFolder)
  let module: Record<string, unknown>
  try {
    module = await importModule(url)
  } catch (cause) {
    throw new LookalikeError(
      'plugin/failed',
      {
        problem: `The plugin ${specifier} (${fileURLToPath(url)}) failed while it was loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
      },
      { fields: { specifier, url }, cause },
    )
  }
  const origin = await originOf(specifier, url)
  const exported = module.default
  return (Array.isArray(exported) ? exported : [exported]).map((value) => ({
    plugin: checkPlugin(value, origin),
    origin,
  }))
}

/** The URL of a plugin's module, seen from a folder; undefined where there is none. */
export function resolvePlugin(specifier: string, fromFolder: string): string | undefined {
  return resolveModuleURL(path.isAbsolute(specifier) ? pathToFileURL(specifier).href : specifier, {
    from: pathToFileURL(path.join(path.resolve(fromFolder), 'config.js')).href,
    conditions: ['node', 'import'],
    extensions: ['.js', '.mjs', '.ts', '.mts'],
    suffixes: ['', '/index'],
    try: true,
    cache: false,
  })
}

async function originOf(specifier: string, url: string): Promise<PluginOrigin> {
  const isFile = specifier.startsWith('.') || path.isAbsolute(specifier) || specifier.startsWith('file:')
  if (isFile) return { package: specifier, url }
  for (let folder = path.dirname(fileURLToPath(url)); ; folder = path.dirname(folder)) {
    const text = await readFile(path.join(folder, 'package.json'), 'utf8').catch(() => undefined)
    // Build outputs may hold a bare `{"type": "module"}` of their own.
    const { name, version } = (text === undefined ? {} : JSON.parse(text)) as {
      name?: string | undefined
      version?: string
    }
    if (name !== undefined) return { package: name, version, url }
    if (folder === path.dirname(folder)) return { package: specifier, url }
  }
}

function notFound(specifier: string, fromFolder: string): LookalikeError {
  const isFile = specifier.startsWith('.') || path.isAbsolute(specifier)
  const where = isFile ? path.resolve(fromFolder, specifier) : specifier
  return new LookalikeError(
    'plugin/not-found',
    {
      problem: `The plugin ${where} was not found from ${path.resolve(fromFolder)}`,
      expected:
        'a package installed in the project of the config, or the path of a .js, .mjs or .ts file relative to the config',
      fix: isFile ? 'Check the path.' : `Run there: npm install ${specifier}`,
    },
    { fields: { specifier, folder: path.resolve(fromFolder) } },
  )
}
