import type { Progress, Warning } from '@lookalike/core'
import { createProgressBar } from './create-progress-bar.js'

/** Where a command's words go: results to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean
  /** For people; nothing under `--json`. */
  print(text?: string): void
  /** The result of the command, printed only under `--json`. */
  result(value: unknown): void
  /** A line on stderr. */
  note(text: string): void
  warn(warning: Warning): void
  progress(progress: Progress): void
  /** Ends the progress bar and tells how many warnings were kept back. */
  finish(): void
}

/** Warnings of one code beyond this many are only counted. */
const SHOWN_WARNINGS = 5

export function createOutput(options: {
  json: boolean
  quiet: boolean
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}): Output {
  const { json, quiet, stdout, stderr } = options
  const bar = quiet || !stderr.isTTY ? undefined : createProgressBar(stderr)
  const counts = new Map<string, number>()
  const note = (text: string) => {
    bar?.clear()
    stderr.write(`${text}\n`)
  }
  return {
    json,
    print: (text = '') => {
      if (json) return
      bar?.clear()
      stdout.write(`${text}\n`)
    },
    result: (value) => {
      if (json) stdout.write(`${JSON.stringify(value, null, 2)}\n`)
    },
    note,
    warn: (warning) => {
      const count = (counts.get(warning.code) ?? 0) + 1
      counts.set(warning.code, count)
      if (!quiet && count <= SHOWN_WARNINGS) note(`warning: ${warning.message} [${warning.code}]`)
    },
    progress: (progress) => bar?.update(progress),
    finish: () => {
      bar?.stop()
      for (const [code, count] of counts)
        if (!quiet && count > SHOWN_WARNINGS) stderr.write(`warning: ${count - SHOWN_WARNINGS} more of ${code}\n`)
      counts.clear()
    },
  }
}
