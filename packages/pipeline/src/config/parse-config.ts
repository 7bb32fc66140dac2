import { type ConfigIssue, describeIssue, invalidConfig, type JsonSchema, placeReferences } from '@lookalike/core'
import type { z } from 'zod'
import { fillStages } from '../stages/fill-stages.js'
import { applyOverrides, type Overrides } from './apply-overrides.js'
import type { Config, StageConfig } from './config.js'
import { configSchema, STAGE_KEYS } from './config-schema.js'
import { mergeConfig } from './merge-config.js'

type Given = Readonly<Record<string, unknown>>

/**
 * Checks a config and fills in its defaults.
 *
 * @param fallbackName the run's name where the config has none
 * @param overrides what the command line sets; it holds in every stage that takes the key, and `stages.NAME.` in one
 * @throws `config/invalid` with the path, what was given and what was expected of everything that does not fit.
 */
export function parseConfig(config: Given, fallbackName: string, file?: string, overrides: Overrides = {}): Config {
  const { stages: own, ...shared } = applyOverrides(config, overrides)
  const merged = Array.isArray(own) ? own.map((stage, i) => mergedStage(shared, stage, i, overrides)) : own
  // Beside stages, "train" only says what they have in common, and need not be whole.
  const { train: _train, ...untrained } = shared
  const rest = Array.isArray(own) && own.length > 0 ? untrained : shared
  const whole = parse({ ...rest, stages: merged }, file)
  const name = whole.name ?? fallbackName
  const all = whole.stages.map((stage) => stage.name)
  const runs = /^(\.\.?[/\\]|[/\\]|[A-Za-z]:)/.test(whole.runs) ? whole.runs : `./${whole.runs}`
  const folderOf = (stage: string) => `${runs}/${name}/${stage}`

  const issues: ConfigIssue[] = whole.stages.flatMap((stage, i) => stageIssues(stage, i, all))
  const filled = fillStages(rest, { earlier: all, all }, folderOf, issues)
  const filledStages = all.map((stage, i) =>
    fillStages((merged as Given[])[i], { earlier: all.slice(0, i), all, own: stage }, folderOf, issues, `stages[${i}]`),
  )
  if (issues.length > 0) throw invalidConfig(issues, file)
  const stages = filledStages.map((stage, i): StageConfig => {
    const { name: stageName, ...keys } = stage as Given & { readonly name: string }
    // What is not for training (reporters, the index) stands in the whole config; what only the whole needs is left out.
    const config = { ...whole, ...pick(parse(keys, file), STAGE_KEYS), combiner: undefined, rerankers: [], stages: [] }
    return { name: stageName, config: placed(config, `${name}/${stageName}`, `stages[${i}]`) }
  })
  return placed({ ...parse(filled, file), stages }, name, '')
}

/** What a stage says on top of what it takes from the config, and what the command line sets on top of that. */
function mergedStage(whole: Given, stage: unknown, at: number, overrides: Overrides): unknown {
  if (typeof stage !== 'object' || stage === null || Array.isArray(stage)) return stage
  return withOverrides(mergeConfig(pick(whole, STAGE_KEYS), stage as Record<string, unknown>), overrides, at)
}

function stageIssues(
  { name, train }: { name: string; train?: unknown },
  at: number,
  all: readonly string[],
): ConfigIssue[] {
  return [
    ...(all.indexOf(name) < at ? [{ path: `stages[${at}].name`, problem: `there are two stages "${name}"` }] : []),
    ...(train === undefined
      ? [{ path: `stages[${at}]`, problem: `the stage "${name}" names no trainer`, expected: 'train: { use: ... }' }]
      : []),
  ]
}

function parse(given: unknown, file?: string): z.output<typeof configSchema> {
  const result = configSchema.safeParse(given)
  if (result.success) return result.data
  const schema = configSchema['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JsonSchema
  throw invalidConfig(
    result.error.issues.flatMap((issue) => describeIssue(issue, given, schema)),
    file,
  )
}

function placed(
  {
    $schema: _schema,
    extends: _extends,
    stages,
    ...config
  }: Omit<z.output<typeof configSchema>, 'stages'> & { stages: readonly StageConfig[] },
  name: string,
  path: string,
): Config {
  return { ...placeReferences({ ...config, name }, path), stages }
}

/** What the command line sets for all stages, then what it sets for this one. */
function withOverrides(stage: Given, overrides: Overrides, at: number): Record<string, unknown> {
  const entries = Object.entries(overrides)
  const general = entries.filter(([path]) => STAGE_KEYS.includes(path.split('.')[0]!))
  const special = entries.flatMap(([path, value]) => {
    const [first, called, ...rest] = path.split('.')
    const isThis = first === 'stages' && (called === stage.name || called === String(at)) && rest.length > 0
    return isThis ? [[rest.join('.'), value] as const] : []
  })
  return applyOverrides(applyOverrides(stage, Object.fromEntries(general)), Object.fromEntries(special))
}

function pick<T extends object>(config: T, keys: readonly string[]): Partial<T> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => keys.includes(key))) as Partial<T>
}
