import { appendFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { writeWhole } from '@lookalike/image'
import { writeFailed } from '../checkpoint/checkpoint-file.js'

/** A run's `log.jsonl`: one JSON object a line, those with a `step` in their order. */
export interface RunLog {
  write(entry: Readonly<Record<string, unknown>>): Promise<void>
  /** Takes out what a run wrote after the checkpoint that it goes on from: it will write that again. */
  rewind(step: number): Promise<void>
}

export function createLog(folder: string): RunLog {
  const file = path.join(folder, 'log.jsonl')
  return {
    async write(entry) {
      await appendFile(file, `${JSON.stringify(entry)}\n`).catch((cause: unknown) => {
        throw writeFailed(file, cause)
      })
    },
    async rewind(step) {
      const text = await readFile(file, 'utf8').catch(() => '')
      const kept = text.split('\n').filter((line) => {
        const entry = parse(line)
        return entry && !(typeof entry['step'] === 'number' && entry['step'] > step)
      })
      await writeWhole(file, kept.map((line) => `${line}\n`).join(''))
    },
  }
}

/** The last line of a killed run may be torn. */
function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
