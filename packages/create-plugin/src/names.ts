import validate from 'validate-npm-package-name'

export interface Names {
  /** Of the package, as npm takes it: `@acme/lookalike-sharp-loss`. */
  readonly package: string
  /** Of its folder: `lookalike-sharp-loss`. */
  readonly folder: string
  /** Of the plugin, as a config calls it: `sharp-loss`. */
  readonly plugin: string
  /** Of the exported constant: `sharpLoss`. */
  readonly identifier: string
}

/** What is wrong with a package's name; undefined where nothing is. */
export function nameProblem(name: string): string | undefined {
  const { validForNewPackages, errors = [], warnings = [] } = validate(name)
  if (!validForNewPackages) return `npm refuses the name "${name}": ${[...errors, ...warnings].join(', ')}`
  if (pluginName(name) === '') return `No plugin's name can be made of "${name}": it needs a letter`
  return undefined
}

export function namesOf(name: string): Names {
  const plugin = pluginName(name)
  const identifier = plugin.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
  return {
    package: name,
    folder: lastPart(name),
    plugin,
    identifier: RESERVED.has(identifier) ? `${identifier}Plugin` : identifier,
  }
}

const lastPart = (name: string) => name.split('/').at(-1)!

/** Kebab-case from a letter on, without the words that say no more than "a plugin of Lookalike". */
function pluginName(name: string): string {
  const kebab = lastPart(name)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
  return kebab.replace(/^lookalike-(plugin-)?(?=[a-z])/, '')
}

/** Words that no constant may be called, and names that the templates use. */
const RESERVED = new Set([
  'arguments',
  'await',
  'break',
  'case',
  'catch',
  'class',
  'const',
  'continue',
  'debugger',
  'default',
  'delete',
  'do',
  'else',
  'enum',
  'eval',
  'export',
  'extends',
  'false',
  'finally',
  'for',
  'function',
  'if',
  'implements',
  'import',
  'in',
  'instanceof',
  'interface',
  'let',
  'new',
  'null',
  'options',
  'package',
  'path',
  'plugins',
  'private',
  'protected',
  'public',
  'return',
  'static',
  'super',
  'switch',
  'this',
  'throw',
  'true',
  'try',
  'typeof',
  'undefined',
  'var',
  'void',
  'while',
  'with',
  'yield',
  'z',
])
