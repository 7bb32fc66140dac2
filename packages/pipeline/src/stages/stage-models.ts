import path from 'node:path'
import { type Kind, type Kinds, type Model, type PluginRef, parseReference, type Reference } from '@lookalike/core'
import { modelOfCombiner, modelOfEncoder } from '@lookalike/image'
import { type RunFile, readRunFile } from '../run/run-file.js'

export interface StageModel {
  readonly name: string
  readonly model: Model
}

/**
 * What finished stages trained, as models of search: encoders, and ensembles. Stages that are not finished, rerankers and a stage that is the
 * `whole` itself, by its space, have none.
 *
 * @param stages in their order, with the folders of their runs
 * @param encoderOfFile the encoder that an ONNX file is
 */
export async function stageModels(
  stages: readonly { readonly name: string; readonly runFolder: string }[],
  whole: string,
  create: <K extends Kind>(kind: K, reference: Reference<K>) => Promise<Kinds[K]>,
  encoderOfFile: (file: string) => PluginRef<'encoder'>,
): Promise<StageModel[]> {
  const models: StageModel[] = []
  try {
    for (const [i, { name, runFolder }] of stages.entries()) {
      const run = await readRunFile(runFolder)
      const model = run?.state === 'finished' ? await modelOf(run, runFolder, `stages[${i}]`) : undefined
      if (model?.space === whole && run?.usedBy) await model.dispose()
      else if (model) models.push({ name, model })
    }
    return models
  } catch (error) {
    for (const { model } of models) await model.dispose()
    throw error
  }

  async function modelOf(run: RunFile, folder: string, where: string): Promise<Model | undefined> {
    const file = run.artefacts['model']
    if (file !== undefined)
      return modelOfEncoder(
        await create('encoder', parseReference('encoder', encoderOfFile(path.join(folder, file)), where)),
      )
    const ensemble = combinerOf(run, folder)
    return ensemble && modelOfCombiner(await create('combiner', parseReference('combiner', ensemble, where)))
  }
}

function combinerOf({ usedBy, artefact }: RunFile, folder: string): PluginRef<'combiner'> | undefined {
  if (usedBy?.kind !== 'combiner' || artefact === undefined) return undefined
  const place = usedBy.path === 'directory' ? folder : path.join(folder, artefact)
  return { use: usedBy.use, ...usedBy.options, [usedBy.option]: place } as PluginRef<'combiner'>
}
