import { stat } from 'node:fs/promises'
import path from 'node:path'
import { definePlugin, type Encoder, LookalikeError, type PluginContext, type PluginRef } from '@lookalike/core'
import { z } from 'zod'
import { MERGED_FILE } from './ensemble-file.js'

const options = z.strictObject({
  folder: z
    .string()
    .min(1)
    .describe('The run of the trainer context-ensemble with merge: true, a folder; relative to the config.'),
  name: z.string().min(1).exactOptional().describe("For people, and part of the space. Default: the folder's name."),
})

export type EnsembleEncoderOptions = z.input<typeof options>

/**
 * A context ensemble wherever one encoder is asked for: as a gallery model of a cross-model ensemble, as a teacher, as the start of a head. Its
 * vector is the one that the ensemble puts into galleries, of unit length: all members count alike, since which one to trust is up to the query.
 */
export const ensembleEncoder = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'context-ensemble',
  description: 'A context ensemble as one encoder: the vector of its gallery side, in which all members count alike.',
  options,
  async create({ folder: given, name }, context: PluginContext): Promise<Encoder> {
    const folder = path.resolve(context.folder, given)
    const model = path.join(folder, MERGED_FILE)
    if (!(await stat(model).catch(() => undefined))) throw notMerged(folder)
    return context.create('encoder', {
      use: 'onnx',
      model,
      output: 'gallery',
      name: name ?? path.basename(folder),
    } as PluginRef<'encoder'>)
  },
})

function notMerged(folder: string): LookalikeError {
  return new LookalikeError(
    'ensemble/not-merged',
    {
      problem: `${folder} has no ${MERGED_FILE}`,
      expected: 'a run of the trainer "context-ensemble" with "merge: true", which writes the ensemble as one network',
      fix: 'Set "merge: true" and train it again, or correct "folder".',
    },
    { fields: { folder } },
  )
}
