import { definePlugin } from '@lookalike/core'
import { z } from 'zod'
import { evaluationJson } from './evaluation-json.js'

declare module '@lookalike/core' {
  interface ReporterPlugins {
    json: Record<never, never>
  }
}

/** Writes the figures to `metrics.json`. */
export const jsonReporter = definePlugin({
  specVersion: 'v1',
  kind: 'reporter',
  name: 'json',
  description: 'The figures as metrics.json.',
  options: z.strictObject({}),
  create: () => ({
    specVersion: 'v1',
    name: 'json',
    async write(result, { write }) {
      await write('metrics.json', `${JSON.stringify(evaluationJson(result), null, 2)}\n`)
    },
  }),
})
