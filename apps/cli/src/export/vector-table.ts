import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { openTableWriter, streamTableWriter, TABLE_FORMATS, tableFormatOf } from '@lookalike/gallery'
import type { Output } from '../terminal/create-output.js'
import { choiceOption } from '../terminal/numbers.js'

/**
 * Where a command writes vectors: a file, or for `-` standard output.
 *
 * @throws `cli/conflicting-options` where standard output cannot take them
 */
export function vectorTable(to: string, given: string | undefined, { json }: Output) {
  const toStdout = to === '-'
  if (toStdout && (json || (given !== undefined && given !== 'jsonl')))
    throw new LookalikeError('cli/conflicting-options', {
      problem: json
        ? '--json and vectors on standard output would mix'
        : `Standard output takes JSON lines, and --format is ${given}`,
      fix: 'Name a file to write to.',
    })
  const format = toStdout
    ? 'jsonl'
    : given === undefined
      ? tableFormatOf(to)
      : choiceOption('--format', given, TABLE_FORMATS)
  return {
    toStdout,
    format,
    /** That paths of images are written from. */
    folder: toStdout ? '.' : path.dirname(to),
    open: async ({ space, dim }: { readonly space: string; readonly dim: number }) =>
      toStdout ? streamTableWriter(process.stdout, { space, dim }) : openTableWriter(to, { format, space, dim }),
  }
}
