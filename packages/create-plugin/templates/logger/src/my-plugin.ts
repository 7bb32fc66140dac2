import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import { definePlugin, type Logger } from '@lookalike/core'
import { z } from 'zod'

const options = z.strictObject({
  digits: z.int().min(1).max(17).default(6).describe('Digits of a figure.'),
})

declare module '@lookalike/core' {
  interface LoggerPlugins {
    'my-plugin': z.input<typeof options>
  }
}

/** `my-plugin.csv` in the run's folder: step, figure, value. */
const createLogger = ({ digits }: z.output<typeof options>): Logger => ({
  specVersion: 'v1',
  name: 'my-plugin',
  async open({ folder }) {
    const file = path.join(folder, 'my-plugin.csv')
    const write = (step: number | string, figures: Readonly<Record<string, number>>) => {
      const rows = Object.entries(figures).map(
        ([name, value]) => `${step},"${name.replaceAll('"', '""')}",${value.toPrecision(digits)}\n`,
      )
      return appendFile(file, rows.join(''))
    }
    return {
      log: ({ step, figures }) => write(step ?? '', figures),
      close: ({ metrics }) => write('end', metrics),
    }
  },
})

export const myPlugin = definePlugin({
  specVersion: 'v1',
  kind: 'logger',
  name: 'my-plugin',
  description: 'The figures of a training as a CSV file.',
  options,
  create: createLogger,
})

export default [myPlugin]
