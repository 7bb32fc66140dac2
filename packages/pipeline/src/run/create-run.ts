import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Run, RunLog, RunPart } from '@lookalike/core'
import { checkpointsIn } from './checkpoints-in.js'
import { createRunLog } from './create-run-log.js'
import type { RunLoggers } from './open-loggers.js'
import { badName, insideFolder, writeInside } from './write-inside.js'

export interface CreateRunOptions {
  readonly folder: string
  readonly seed: number
  readonly resumed: boolean
  readonly data: Run['data']
  /** What the card says of every run. */
  readonly facts: Readonly<Record<string, unknown>>
  readonly loggers: RunLoggers
  /** Notes an artefact in `run.json`. */
  note(name: string, file: string): Promise<void>
}

const PART_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** A run as its trainer sees it. */
export function createRun({ folder, seed, resumed, data, facts, loggers, note }: CreateRunOptions): Run {
  const part = (name?: string): RunPart => ({
    resumed,
    log: logged(createRunLog(path.join(folder, 'log.jsonl'), name), loggers, name),
    checkpoints: checkpointsIn(folder, name),
  })
  const write = (name: string, content: string | Uint8Array) => writeInside(folder, name, content)
  return {
    ...part(),
    folder,
    seed,
    data,
    part(name) {
      if (!PART_NAME.test(name)) throw badName(name, 'lower-case letters, digits and hyphens')
      return part(name)
    },
    write,
    async read(name) {
      try {
        return await readFile(path.join(folder, insideFolder(name)))
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw cause
      }
    },
    artefact: async (name, file) => note(name, insideFolder(file)),
    async card({ data: more, ...given }) {
      const card = { ...facts, seed, data: { ...data, ...more }, ...given }
      await write('card.json', `${JSON.stringify(card, null, 2)}\n`)
      return JSON.stringify(card)
    },
  }
}

/** The log, and the loggers beside it. */
function logged(log: RunLog, loggers: RunLoggers, part: string | undefined): RunLog {
  return {
    async write(entry) {
      await log.write(entry)
      await loggers.log(entry, part)
    },
    async rewind(step) {
      await log.rewind(step)
      // Loggers do not tell parts apart.
      if (step > 0 && part === undefined) await loggers.rewind(step)
    },
  }
}
