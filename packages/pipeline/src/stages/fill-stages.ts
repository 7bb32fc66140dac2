import { type ConfigIssue, formatPath, nearestName } from '@lookalike/core'

/** The names of stages by which a config may call their folders, in order. */
export interface StageNames {
  /** Those that are done when this part of the config is used. */
  readonly earlier: readonly string[]
  readonly all: readonly string[]
  /** The stage that this part of the config is, if it is one. */
  readonly own?: string | undefined
}

const CALL = /\$\{stages\.([^}]*)\}/g

/**
 * A part of a config with the folders of stages in the place of `${stages.NAME}`.
 *
 * @param folderOf the folder of a stage
 * @param issues gets what does not fit: a stage that is unknown, later, or the same
 */
export function fillStages(
  value: unknown,
  names: StageNames,
  folderOf: (stage: string) => string,
  issues: ConfigIssue[],
  path = '',
): unknown {
  if (typeof value === 'string') {
    return value.replace(CALL, (text, name: string) => {
      if (names.earlier.includes(name)) return folderOf(name)
      issues.push(describeCall(name, names, path))
      return text
    })
  }
  if (Array.isArray(value))
    return value.map((item, i) => fillStages(item, names, folderOf, issues, formatPath([i], path)))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      fillStages(inner, names, folderOf, issues, formatPath([key], path)),
    ]),
  )
}

function describeCall(name: string, { earlier, all, own }: StageNames, path: string): ConfigIssue {
  const who = own === undefined ? 'names' : `the stage "${own}" names`
  const what =
    name === own
      ? `${who} itself`
      : all.includes(name)
        ? `${who} the stage "${name}", which comes later`
        : `${who} the stage "${name}", and there is none`
  const [first = '', ...rest] = name.split('.')
  const near = nearestName(name, earlier)
  const fix =
    earlier.includes(first) && rest.length > 0
      ? `Files are named by their path: \${stages.${first}}/${rest.join('.')}.onnx`
      : near && `Did you mean \${stages.${near}}?`
  return {
    path,
    problem: what,
    expected:
      earlier.length > 0
        ? `${own === undefined ? 'one of the stages' : 'an earlier stage:'} ${earlier.join(', ')}`
        : own === undefined
          ? 'a config with stages'
          : 'no stage: this is the first',
    fix,
  }
}
