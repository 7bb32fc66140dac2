type Plain = Record<string, unknown>

/**
 * `over` on top of `under`: objects merge key by key, everything else, arrays included, is replaced. A reference to
 * another plugin replaces the whole reference: options of one plugin mean nothing to the next. Options that name no plugin are for whichever comes.
 */
export function mergeConfig(under: Plain, over: Plain): Plain {
  const merged: Plain = { ...under }
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key]
    merged[key] = isPlain(below) && isPlain(value) && !namesOther(below, value) ? mergeConfig(below, value) : value
  }
  return merged
}

/** A config with defaults in the place of what it does not say, however deep. */
export function fillDefaults(config: Plain, defaults: Plain): Plain {
  const filled: Plain = { ...config }
  for (const [key, value] of Object.entries(defaults)) {
    const given = config[key]
    filled[key] = given === undefined ? value : isPlain(given) && isPlain(value) ? fillDefaults(given, value) : given
  }
  return filled
}

function namesOther(under: Plain, over: Plain): boolean {
  return typeof under.use === 'string' && typeof over.use === 'string' && over.use !== under.use
}

function isPlain(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
