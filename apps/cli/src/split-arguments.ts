import { LookalikeError, nearestName } from '@lookalike/core'
import type { ArgsDef } from 'citty'

export interface SplitArguments {
  /** The command's own options. */
  readonly own: readonly string[]
  readonly positionals: readonly string[]
  /** Paths of the config to texts. */
  readonly overrides: Readonly<Record<string, string>>
}

/**
 * Tells a command's own options from paths of the config (`--train.epochs=3`, `--seed 4`), and refuses everything else.
 *
 * @param configKeys the keys that such paths may start with; none for a command that takes no config
 * @throws `cli/unknown-option` with the nearest spelling, `cli/missing-value`, `cli/unexpected-value`.
 */
export function splitArguments(argv: readonly string[], args: ArgsDef, configKeys: readonly string[]): SplitArguments {
  const options = new Map<string, { name: string; takesValue: boolean }>()
  for (const [name, definition] of Object.entries(args)) {
    if (definition.type === 'positional') continue
    const option = { name, takesValue: definition.type !== 'boolean' }
    options.set(`--${name}`, option)
    for (const alias of [('alias' in definition ? definition.alias : undefined) ?? []].flat())
      options.set(alias.length === 1 ? `-${alias}` : `--${alias}`, option)
  }

  const own: string[] = []
  const positionals: string[] = []
  const overrides: Record<string, string> = {}
  for (let i = 0; i < argv.length; i++) {
    const token = argv[i]!
    if (token === '--') {
      positionals.push(...argv.slice(i + 1))
      break
    }
    if (!token.startsWith('-') || token === '-') {
      positionals.push(token)
      continue
    }
    const equals = token.indexOf('=')
    const flag = equals < 0 ? token : token.slice(0, equals)
    const option = options.get(flag)
    const isOverride = !option && configKeys.includes(flag.slice(2).split('.')[0]!)
    if (!option && !isOverride) throw unknownOption(flag, [...options.keys()], configKeys)
    if (option && !option.takesValue) {
      if (equals >= 0)
        throw new LookalikeError('cli/unexpected-value', { problem: `${flag} takes no value`, expected: flag })
      own.push(`--${parsedName(option.name)}`)
      continue
    }
    const value = equals >= 0 ? token.slice(equals + 1) : argv[++i]
    if (value === undefined)
      throw new LookalikeError('cli/missing-value', {
        problem: `${flag} came without a value`,
        expected: `${flag}=value`,
      })
    if (option) own.push(`--${parsedName(option.name)}=${value}`)
    else overrides[flag.slice(2)] = value
  }
  return { own, positionals, overrides }
}

/** The parser would take `--no-plugins` for the opposite of `--plugins`; it knows options by their camel-case names too. */
const parsedName = (name: string) => name.replace(/^no-(.)/, (_, first: string) => `no${first.toUpperCase()}`)

function unknownOption(flag: string, known: string[], configKeys: readonly string[]): LookalikeError {
  const near = nearestName(flag, [...known, ...configKeys.map((key) => `--${key}`)])
  return new LookalikeError(
    'cli/unknown-option',
    {
      problem: `There is no option ${flag}`,
      expected: `${known.filter((name) => name.startsWith('--')).join(', ')}${configKeys.length > 0 ? ', or a path of the config such as --seed=1 or --evaluate.ks=[1,10]' : ''}`,
      fix: near && `Did you mean ${near}?`,
    },
    { fields: { option: flag, nearest: near } },
  )
}
