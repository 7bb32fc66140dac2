import { appendFile, readFile } from 'node:fs/promises'
import type { RunLog } from '@lookalike/core'
import { writeFailed } from './write-failed.js'
import { writeWhole } from './write-whole.js'

/** The log of a run, or of one of its parts: entries of other parts stay as they are. */
export function createRunLog(file: string, part?: string): RunLog {
  return {
    async write(entry) {
      await appendFile(file, `${JSON.stringify(part === undefined ? entry : { part, ...entry })}\n`).catch(
        (cause: unknown) => {
          throw writeFailed(file, cause)
        },
      )
    },
    rewind: (step) =>
      keepEntries(
        file,
        (entry) => entry['part'] !== part || typeof entry['step'] !== 'number' || entry['step'] <= step,
      ),
  }
}

/** Keeps some entries of a log; lines that are none, as a killed run may leave behind, go. */
export async function keepEntries(
  file: string,
  keep: (entry: Readonly<Record<string, unknown>>) => boolean,
): Promise<void> {
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n')
  const kept = lines.filter((line) => {
    const entry = parse(line)
    return entry && keep(entry)
  })
  // Most often nothing is to be taken out.
  if (kept.length === lines.length - 1 && lines.at(-1) === '') return
  await writeWhole(file, kept.map((line) => `${line}\n`).join(''), writeFailed)
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
