import { appendFile, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { definePlugin, type Logger } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  file: z.string().min(1).describe('The file, from the folder of the config. Lines of several runs may share it.'),
})
export type JsonLinesOptions = z.input<typeof options>

/** Figures as one JSON object a line, each with the name of its run and the time; only ever appended. */
export function createJsonLinesLogger(file: string): Logger {
  return {
    specVersion: 'v1',
    name: 'json-lines',
    async open({ name, resumed, facts }) {
      await mkdir(path.dirname(file), { recursive: true })
      const write = (entry: Readonly<Record<string, unknown>>) =>
        appendFile(file, `${JSON.stringify({ run: name, time: new Date().toISOString(), ...entry })}\n`)
      await write({ event: resumed ? 'resume' : 'start', facts })
      return {
        log: ({ step, figures }) => write({ step, figures }),
        rewind: (step) => write({ event: 'rewind', step }),
        close: ({ state, metrics }) => write({ event: state, metrics }),
      }
    },
  }
}

export const jsonLinesPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'logger',
  name: 'json-lines',
  description: 'Figures as JSON lines in a file that several runs may share.',
  options,
  create: ({ file }, { folder }) => createJsonLinesLogger(path.resolve(folder, file)),
})
