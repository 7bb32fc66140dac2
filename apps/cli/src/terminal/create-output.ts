import type { Progress, Warning } from '@lookalike/core'
import { createProgressBar } from './create-progress-bar.js'
import { createProgressLines } from './create-progress-lines.js'
import { printable } from './printable.js'

/** Where a command's words go: results to stdout, everything else to stderr. */
export interface Output {
  readonly json: boolean
  /** Neither progress nor warnings are shown. */
  readonly quiet: boolean
  /** For people; nothing under `--json`. */
  print(text?: string): void
  /** The result of the command, printed only under `--json`. */
  result(value: unknown): void
  /** A line on stderr. */
  note(text: string): void
  warn(warning: Warning): void
  progress(progress: Progress): void
  /** Ends the progress, and names what warnings that were kept back are about. */
  finish(): void
}

/** Warnings of one code beyond this many are summed up in one line at the end. */
const SHOWN_WARNINGS = 5

export function createOutput(options: {
  json: boolean
  quiet: boolean
  stdout: NodeJS.WriteStream
  stderr: NodeJS.WriteStream
}): Output {
  const { json, quiet, stdout, stderr } = options
  const progress = quiet
    ? undefined
    : stderr.isTTY
      ? createProgressBar(stderr)
      : createProgressLines((line) => stderr.write(`${line}\n`))
  const counts = new Map<string, number>()
  const keptBack = new Map<string, string[]>()
  const note = (text: string) => {
    progress?.clear()
    stderr.write(`${printable(text, 'keep')}\n`)
  }
  return {
    json,
    quiet,
    print: (text = '') => {
      if (json) return
      progress?.clear()
      stdout.write(`${withOwnColours(text)}\n`)
    },
    result: (value) => {
      if (json) stdout.write(`${printable(JSON.stringify(value, null, 2), 'keep')}\n`)
    },
    note,
    warn: (warning) => {
      const count = (counts.get(warning.code) ?? 0) + 1
      counts.set(warning.code, count)
      if (count <= SHOWN_WARNINGS) {
        if (!quiet) note(`warning: ${warning.message} [${warning.code}]`)
        return
      }
      const names = keptBack.get(warning.code) ?? []
      names.push(subjectOf(warning))
      keptBack.set(warning.code, names)
    },
    progress: (event) => progress?.update(event),
    finish: () => {
      progress?.stop()
      for (const [code, names] of keptBack)
        if (!quiet) note(`warning: ${names.length} more of ${code}: ${names.map((name) => printable(name)).join(', ')}`)
      counts.clear()
      keptBack.clear()
    },
  }
}

/** What a warning is about, shorter than its message where it says so. */
function subjectOf({ fields, message }: Warning): string {
  const subject = fields.source ?? fields.id ?? fields.path
  return typeof subject === 'string' ? subject : message
}

/** Colours stay, other control characters are spelt out. */
function withOwnColours(text: string): string {
  return text
    .split(COLOUR)
    .map((part, i) => (i % 2 === 1 ? part : printable(part, 'keep')))
    .join('')
}

const COLOUR = new RegExp(`(${String.fromCharCode(27)}\\[[\\d;]*m)`)
