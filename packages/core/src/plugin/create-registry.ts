import type { ImageAccess } from '../contracts/image.js'
import { isLookalikeError, LookalikeError, type Warning } from '../errors.js'
import { checkPlugin } from './check-plugin.js'
import type { LoadedPlugin, Plugin, PluginContext } from './define-plugin.js'
import type { ConfigIssue } from './describe-issue.js'
import { guardInstance, leaveUnguarded } from './guard-instance.js'
import { KINDS, type Kind, type Kinds, type PluginRef } from './kinds.js'
import { nearestName } from './nearest-name.js'
import { invalidConfig, tryOptions } from './parse-options.js'
import { originText, type PluginOrigin } from './plugin-origin.js'
import { reasonOf } from './reason-of.js'
import { parseReference, placeReferences, type Reference } from './reference.js'

/** What `registry.create` needs to know of the run. */
export interface CreateOptions {
  readonly folder: string
  readonly cacheFolder: string
  readonly seed: number
  readonly threads?: number | undefined
  readonly images?: ImageAccess | undefined
  readonly signal?: AbortSignal | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
  /** Where the reference stands in the config, for messages: `encoder`, `rerankers[0]`. */
  readonly path?: string | undefined
}

/** What a plugin's schema makes of the options of a reference. */
export interface CheckedOptions {
  /** What does not fit; empty where everything does. */
  readonly issues: readonly ConfigIssue[]
  /** With defaults filled in, and what they name as references with their full paths; undefined where something does not fit. */
  readonly options: unknown
}

/** The plugins that a config may name. */
export interface Registry {
  /** @throws `plugin/unknown` with the candidates and the nearest spelling. */
  get<K extends Kind>(kind: K, name: string, path?: string): Plugin<K>
  /** All plugins of a kind, or all, by kind and name. */
  list(kind?: Kind): readonly LoadedPlugin[]
  /** The package and module of a plugin. */
  origin(kind: Kind, name: string): PluginOrigin
  /**
   * Checks the options of a reference, once: asked again, the findings are the same.
   *
   * @throws `plugin/unknown`
   */
  check(reference: Reference): Promise<CheckedOptions>
  /**
   * Creates the plugin of a reference with its checked options. Of a plugin from elsewhere, whatever its methods throw
   * later is a `plugin/failed` too, unless it is an error of Lookalike or the call was stopped.
   *
   * @throws `config/invalid` with the path of each option that does not fit, `plugin/unknown`, `plugin/failed`.
   */
  create<K extends Kind>(kind: K, ref: PluginRef<K>, options: CreateOptions): Promise<Kinds[K]>
}

/** Packages of this project: what they throw that has no code is a fault of ours, and told as that. */
const OWN_SCOPE = '@lookalike/'

/**
 * A registry of the given plugins. It is a value: nothing is registered globally.
 *
 * @throws `plugin/invalid`, `plugin/spec-version`, `plugin/duplicate` naming both packages.
 *
 * @example
 * const registry = createRegistry([...await loadPlugins(['@lookalike/encoders'], process.cwd())])
 * const encoder = await registry.create('encoder', 'mini', { folder: '.', cacheFolder: '.cache', seed: 0 })
 */
export function createRegistry(plugins: readonly (Plugin | LoadedPlugin)[]): Registry {
  const byKind = new Map<Kind, Map<string, LoadedPlugin>>(KINDS.map((kind) => [kind, new Map()]))
  for (const entry of plugins) {
    const loaded = 'plugin' in entry ? entry : { plugin: entry, origin: { package: 'this program' } }
    const plugin = checkPlugin(loaded.plugin, loaded.origin)
    const named = byKind.get(plugin.kind)!
    const earlier = named.get(plugin.name)
    if (earlier && earlier.plugin !== plugin) throw duplicate(plugin, earlier.origin, loaded.origin)
    named.set(plugin.name, { plugin, origin: loaded.origin })
  }

  const find = (kind: Kind, name: string, path?: string): LoadedPlugin => {
    const named = byKind.get(kind)
    const found = named?.get(name)
    if (found) return found
    throw unknownPlugin(
      kind,
      name,
      [...(named?.keys() ?? [])].sort(),
      [...byKind].filter(([, others]) => others.has(name)).map(([other]) => other),
      path,
    )
  }

  const checked = new WeakMap<Reference, Promise<CheckedOptions>>()
  const registry: Registry = {
    get: <K extends Kind>(kind: K, name: string, path?: string) => find(kind, name, path).plugin as Plugin as Plugin<K>,
    list: (kind) =>
      (kind ? [kind] : KINDS).flatMap((each) =>
        [...byKind.get(each)!.values()].sort((a, b) => (a.plugin.name < b.plugin.name ? -1 : 1)),
      ),
    origin: (kind, name) => find(kind, name).origin,
    async check(reference) {
      const known = checked.get(reference)
      if (known) return known
      const { kind, use, options, path } = reference
      const checking = tryOptions(registry.get(kind, use, path), options, path).then(({ issues, value }) => ({
        issues,
        options: placeReferences(value, path),
      }))
      checked.set(reference, checking)
      return checking
    },
    async create(kind, ref, options) {
      const reference = parseReference(kind, ref, options.path)
      const parsed = await registry.check(reference)
      if (parsed.issues.length > 0) throw invalidConfig(parsed.issues)
      const plugin = registry.get(kind, reference.use, reference.path)
      const context = createContext(registry, { ...options, path: reference.path })
      const origin = registry.origin(kind, plugin.name)
      let made: Kinds[typeof kind]
      try {
        made = (await plugin.create(parsed.options, context)) as Kinds[typeof kind]
      } catch (cause) {
        if (options.signal?.aborted || isLookalikeError(cause)) throw cause
        throw notMade(plugin, origin, cause)
      }
      if (origin.package.startsWith(OWN_SCOPE)) return leaveUnguarded(made)
      return guardInstance(made, (cause, during) => failed(plugin, origin, during, cause), options.signal)
    },
  }
  return registry
}

function createContext(registry: Registry, options: CreateOptions): PluginContext {
  return {
    folder: options.folder,
    cacheFolder: options.cacheFolder,
    seed: options.seed,
    threads: options.threads,
    images: options.images,
    signal: options.signal,
    create: (kind, ref) =>
      registry.create(kind, ref, { ...options, path: options.path ? `${options.path} > ${kind}` : kind }),
    origin: registry.origin,
    warn: (warning) => options.onWarning?.(warning),
  }
}

/** What a plugin throws that is no error of ours is told with the plugin, so that its author hears of it. */
function notMade(plugin: Plugin, origin: PluginOrigin, cause: unknown): LookalikeError {
  return new LookalikeError(
    'plugin/failed',
    {
      problem: `The ${plugin.kind} "${plugin.name}" of ${originText(origin)} could not be made: ${reasonOf(cause)}`,
      fix: `Check its options and what it needs; else report it to the authors of ${origin.package}.`,
    },
    { fields: fieldsOf(plugin, origin), cause },
  )
}

function failed(plugin: Plugin, origin: PluginOrigin, during: string, cause: unknown): LookalikeError {
  return new LookalikeError(
    'plugin/failed',
    {
      problem: `The ${plugin.kind} "${plugin.name}" of ${originText(origin)} failed in "${during}": ${reasonOf(cause)}`,
      fix: `Check what it needs (a service, a file, memory); else report it to the authors of ${origin.package}.`,
    },
    { fields: { ...fieldsOf(plugin, origin), during }, cause },
  )
}

const fieldsOf = ({ kind, name }: Plugin, origin: PluginOrigin) => ({
  kind,
  plugin: name,
  package: origin.package,
  version: origin.version,
})

function duplicate(plugin: Plugin, first: PluginOrigin, second: PluginOrigin): LookalikeError {
  return new LookalikeError(
    'plugin/duplicate',
    {
      problem: `Two packages bring the ${plugin.kind} "${plugin.name}": ${originText(first)} and ${originText(second)}`,
      expected: 'one plugin of a kind and name',
      fix: 'Take one of the two out of "plugins" in the config.',
    },
    { fields: { kind: plugin.kind, name: plugin.name, packages: [first, second] } },
  )
}

function unknownPlugin(
  kind: Kind,
  name: string,
  candidates: string[],
  otherKinds: Kind[],
  path?: string,
): LookalikeError {
  const near = nearestName(name, candidates)
  const hints = [
    near && `Did you mean "${near}"?`,
    otherKinds.length > 0 && `There is a plugin of that name, but it is of the kind ${otherKinds.join(' and ')}.`,
    'A package that brings it has to be installed and listed in "plugins".',
  ]
  return new LookalikeError(
    'plugin/unknown',
    {
      problem: `${path ? `${path}: there` : 'There'} is no ${kind} "${name}"`,
      expected:
        candidates.length > 0
          ? `one of ${candidates.join(', ')}`
          : `the name of an installed plugin, and none of that kind is installed`,
      fix: hints.filter(Boolean).join(' '),
    },
    { fields: { kind, name, candidates, nearest: near, path } },
  )
}
