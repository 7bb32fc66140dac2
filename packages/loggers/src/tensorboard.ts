import { randomBytes } from 'node:crypto'
import { appendFile, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { definePlugin, type Logger } from '@lookalike/core'
import { z } from 'zod'
import { encodeEvent, type TensorboardEvent, tfRecord } from './event-file.js'

const options = z.strictObject({
  folder: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder that gets a folder of events for each run, from the config's. Default: tensorboard in the run's folder.",
    ),
})
export type TensorboardOptions = z.input<typeof options>

/** Figures as event files for TensorBoard: one file for each attempt of a run. */
export function createTensorboardLogger(root?: string): Logger {
  return {
    specVersion: 'v1',
    name: 'tensorboard',
    async open(run) {
      const folder = root === undefined ? path.join(run.folder, 'tensorboard') : path.join(root, run.name)
      await mkdir(folder, { recursive: true })
      const now = () => Date.now() / 1000
      const unique = `${process.pid}.${randomBytes(4).toString('hex')}`
      const file = path.join(folder, `events.out.tfevents.${Math.floor(now())}.lookalike.${unique}`)
      const write = (event: Omit<TensorboardEvent, 'time'>) =>
        appendFile(file, tfRecord(encodeEvent({ time: now(), ...event })))
      await write({ fileVersion: 'brain.Event:2' })
      let last = 0
      return {
        async log({ step, figures }) {
          last = step ?? last
          await write({ step: last, figures })
        },
        rewind: (step) => write({ step: step + 1, restart: true }),
        async close({ metrics }) {
          if (Object.keys(metrics).length > 0) await write({ step: last, figures: prefixed(metrics) })
        },
      }
    },
  }
}

const prefixed = (metrics: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(metrics).map(([name, value]) => [`final/${name}`, value]))

export const tensorboardPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'logger',
  name: 'tensorboard',
  description: 'Figures as event files for TensorBoard, and for what reads its files.',
  options,
  create: ({ folder: root }, { folder }) =>
    createTensorboardLogger(root === undefined ? undefined : path.resolve(folder, root)),
})
