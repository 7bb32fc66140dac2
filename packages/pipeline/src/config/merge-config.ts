import { isRecord } from '@lookalike/core'

type Plain = Readonly<Record<string, unknown>>

/**
 * `over` on top of `under`: objects merge key by key, everything else, arrays included, is replaced. A reference to
 * another plugin replaces the whole reference: options of one plugin mean nothing to the next. Options that name no plugin are for whichever comes.
 */
export function mergeConfig(under: Plain, over: Plain): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    merged[key] = isRecord(below) && isRecord(value) && !namesOther(below, value) ? mergeConfig(below, value) : value
  }
  return merged
}

/** A config with defaults in the place of what it does not say, however deep. */
export function fillDefaults(config: Plain, defaults: Plain): Record<string, unknown> {
  const filled: Record<string, unknown> = { ...config }
  for (const [key, value] of Object.entries(defaults)) {
    const given = config[key]
    filled[key] = given === undefined ? value : isRecord(given) && isRecord(value) ? fillDefaults(given, value) : given
  }
  return filled
}

function namesOther(under: Plain, over: Plain): boolean {
  return typeof under.use === 'string' && typeof over.use === 'string' && over.use !== under.use
}
