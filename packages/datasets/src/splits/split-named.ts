import type { Split } from '@lookalike/core'

const NAMES: ReadonlyMap<string, Split> = new Map<string, Split>([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'validation'],
  ['valid', 'validation'],
  ['validation', 'validation'],
  ['test', 'test'],
  ['testing', 'test'],
])

/** The names of splits, for errors. */
export const SPLIT_NAMES = 'train, validation (val, valid) or test'

/** The split that people call so, in whatever case. */
export function splitNamed(name: string): Split | undefined {
  return NAMES.get(name.toLowerCase())
}
