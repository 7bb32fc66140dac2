import path from 'node:path'
import {
  definePlugin,
  type Encoder,
  LookalikeError,
  type PluginContext,
  type PluginRef,
  pluginRef,
} from '@lookalike/core'
import { z } from 'zod'
import { createContextCombiner } from './create-context-combiner.js'
import { createMergedCombiner } from './create-merged-combiner.js'
import { readEnsemble } from './ensemble-file.js'
import { type EnsembleModel, type Source, sourcesOf } from './ensemble-model.js'

const options = z
  .strictObject({
    folder: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'The folder with ensemble.json and its networks: a run of the trainer context-ensemble, relative to the config.',
      ),
    model: z
      .string()
      .min(1)
      .exactOptional()
      .describe(
        'In place of the folder: the whole ensemble as one ONNX file, ensemble.onnx of a run with merge, relative to the config.',
      ),
    encoder: pluginRef('encoder')
      .exactOptional()
      .describe('With a folder: the encoder that the members were trained on. Default: its network in the folder.'),
  })
  .refine(({ folder, model }) => (folder === undefined) !== (model === undefined), {
    message: 'give either folder or model',
    path: ['folder'],
  })
  .refine(({ model, encoder }) => model === undefined || encoder === undefined, {
    message: 'the file holds its encoders',
    path: ['encoder'],
  })

export type ContextCombinerOptions = z.input<typeof options>

export const contextCombiner = definePlugin({
  specVersion: 'v1',
  kind: 'combiner',
  name: 'context-ensemble',
  description: 'Context-sensitive models as one vector; the query alone decides how much each model counts.',
  options,
  async create(given, context) {
    if (given.model !== undefined) {
      const file = path.resolve(context.folder, given.model)
      return createMergedCombiner((output) =>
        context.create('encoder', { use: 'onnx', model: file, output, normalise: false } as PluginRef<'encoder'>),
      )
    }
    const folder = path.resolve(context.folder, given.folder ?? '.')
    const model = await readEnsemble(folder)
    const encoders: Encoder[] = []
    try {
      for (const source of sourcesOf(model, 'query'))
        encoders.push(await openSource(model, source, folder, given.encoder, context))
      return createContextCombiner(model, encoders)
    } catch (error) {
      for (const encoder of encoders) await encoder.dispose()
      throw error
    }
  },
})

function openSource(
  model: EnsembleModel,
  source: Source,
  folder: string,
  given: PluginRef<'encoder'> | undefined,
  context: PluginContext,
): Promise<Encoder> {
  if (source.kind === 'base' && source.base === 0 && given !== undefined) return context.create('encoder', given)
  const { name, file } =
    source.kind === 'base'
      ? model.bases[source.base]!
      : (model.members[source.member] as { name: string; file: string })
  if (file === undefined) {
    throw new LookalikeError(
      'ensemble/encoder-missing',
      {
        problem: `The ensemble in ${folder} was trained on ${name}, whose network is not among its files`,
        fix: 'Name the encoder of the training run in "encoder".',
      },
      { fields: { folder, encoder: name } },
    )
  }
  return openNetwork(path.join(folder, file), name, context)
}

/** An encoder from a network of the ensemble's folder, under the name that its space holds. */
export function openNetwork(file: string, name: string, context: Pick<PluginContext, 'create'>): Promise<Encoder> {
  return context.create('encoder', { use: 'onnx', model: file, name } as PluginRef<'encoder'>)
}
