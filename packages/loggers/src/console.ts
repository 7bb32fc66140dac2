import { definePlugin, type Logger } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  every: z.int().min(1).default(1).describe('Writes one of so many lines of a step; others are always written.'),
})
export type ConsoleOptions = z.input<typeof options>

/** Figures as lines of text. @param write a line; default: to standard error */
export function createConsoleLogger(
  { every = 1 }: ConsoleOptions = {},
  write: (line: string) => void = (line) => void process.stderr.write(`${line}\n`),
): Logger {
  return {
    specVersion: 'v1',
    name: 'console',
    async open({ name }) {
      let lines = 0
      return {
        async log({ step, figures }) {
          if (step !== undefined && lines++ % every > 0) return
          write([name, ...(step === undefined ? [] : [`step ${step}`]), textOf(figures)].join('  '))
        },
        async close({ state, metrics }) {
          write([name, state, textOf(metrics)].filter((part) => part !== '').join('  '))
        },
      }
    },
  }
}

const textOf = (figures: Readonly<Record<string, number>>) =>
  Object.entries(figures)
    .map(([figure, value]) => `${figure} ${Number(value.toPrecision(5))}`)
    .join('  ')

export const consolePlugin = definePlugin({
  specVersion: 'v1',
  kind: 'logger',
  name: 'console',
  description: 'Figures as lines of text on standard error.',
  options,
  create: (given) => createConsoleLogger(given),
})
