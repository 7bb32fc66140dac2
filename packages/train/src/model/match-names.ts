import { LookalikeError } from '@lookalike/core'

/** Whether a name fits one of the patterns: `*` stands for any characters, everything else for itself. */
export function matcher(patterns: readonly string[]): (name: string) => boolean {
  const expressions = patterns.map(expressionOf)
  return (name) => expressions.some((expression) => expression.test(name))
}

/**
 * The names that fit one of the patterns.
 *
 * @param path where the patterns stand in the config
 * @throws `train/no-match` for a pattern that fits no name: a frozen layer that is spelt wrong would be trained.
 */
export function matchNames(patterns: readonly string[], names: readonly string[], path: string): Set<string> {
  const matched = new Set<string>()
  for (const pattern of patterns) {
    const expression = expressionOf(pattern)
    const fitting = names.filter((name) => expression.test(name))
    if (fitting.length === 0) throw noMatch(pattern, names, path)
    for (const name of fitting) matched.add(name)
  }
  return matched
}

function expressionOf(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
  )
}

function noMatch(pattern: string, names: readonly string[], path: string): LookalikeError {
  const shown = names.slice(0, 12).join(', ')
  return new LookalikeError(
    'train/no-match',
    {
      problem: `${path}: no weight of the network fits "${pattern}"`,
      expected: `a weight's name, with * for any characters; the network has ${names.length}: ${shown}${names.length > 12 ? ', ...' : ''}`,
    },
    { fields: { pattern, names } },
  )
}
