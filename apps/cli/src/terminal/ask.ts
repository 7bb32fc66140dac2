import { createInterface } from 'node:readline/promises'
import { LookalikeError } from '@lookalike/core'

/**
 * Asks a question that is answered with yes or no; anything but yes is no.
 *
 * @throws `cli/unanswered` where nobody can answer
 */
export async function ask(question: string, yes: boolean | undefined, signal: AbortSignal): Promise<boolean> {
  if (yes) return true
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new LookalikeError('cli/unanswered', {
      problem: `"${question}" cannot be answered here: this is no terminal`,
      fix: 'Say so with --yes.',
    })
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `, { signal })).trim())
  } finally {
    terminal.close()
  }
}
