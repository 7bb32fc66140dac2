import path from 'node:path'
import { definePlugin, pluginRef } from '@lookalike/core'
import { z } from 'zod'
import { createContextCombiner } from './create-context-combiner.js'
import { readEnsemble } from './ensemble-model.js'

const options = z.strictObject({
  folder: z.string().min(1).describe('The folder with ensemble.json: a run of the trainer context-ensemble, relative to the config.'),
  encoder: pluginRef('encoder').describe('The encoder that the members were trained on.'),
})

declare module '@lookalike/core' {
  interface CombinerPlugins {
    'context-ensemble': z.input<typeof options>
  }
}

export const contextCombiner = definePlugin({
  specVersion: 'v1',
  kind: 'combiner',
  name: 'context-ensemble',
  description: 'Context-sensitive models as one vector; the query alone decides how much each model counts.',
  options,
  async create({ folder, encoder }, context) {
    const model = await readEnsemble(path.resolve(context.folder, folder))
    return createContextCombiner(model, await context.create('encoder', encoder))
  },
})
