import type { UserConfig } from '@lookalike/pipeline'

/** Which plugins a config gets that names none: what holds where it says nothing. */
export const DEFAULTS = {
  encoder: 'builtin',
  index: 'exact',
  evaluate: { reporters: ['json', 'html'] },
} as const satisfies UserConfig
