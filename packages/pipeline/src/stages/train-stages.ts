import { stat } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError, type OperationOptions, type TrainerResult } from '@lookalike/core'
import { type RunFile, readRunFile } from '../run/run-file.js'

/** One stage, ready to be trained; everything in its config is checked. */
export interface PreparedStage {
  readonly name: string
  readonly runFolder: string
  train(options: TrainStagesOptions & { readonly keepFinished?: boolean | undefined }): Promise<TrainerResult>
}

export interface TrainStagesOptions extends OperationOptions {
  /** Leave finished stages as they are and go on with a half one. */
  readonly resume?: boolean | undefined
  /** Replace all stages. */
  readonly overwrite?: boolean | undefined
}

/** How a stage went. */
export interface StageTraining extends TrainerResult {
  readonly name: string
  /** Absolute. */
  readonly folder: string
}

/**
 * Trains one stage after the other. Nothing is begun when one of them has a run and it was not said what to do with it.
 *
 * @returns the stages that were trained; the last one says how it stopped
 * @throws `train/run-exists`, `stages/no-artefact` when a stage did not leave what it says it did, and what training throws
 */
export async function trainStages(
  stages: readonly PreparedStage[],
  options: TrainStagesOptions = {},
): Promise<StageTraining[]> {
  if (!options.resume && !options.overwrite) await refuseRuns(stages)
  const done: StageTraining[] = []
  for (const { name, runFolder, train } of stages) {
    options.signal?.throwIfAborted()
    const result = await train({ ...options, ...named(name, options), keepFinished: options.resume })
    done.push({ ...result, name, folder: runFolder })
    if (result.stopped === 'aborted') break
    if (!(await stat(path.join(runFolder, result.artefact)).catch(() => undefined)))
      throw noArtefact(name, path.join(runFolder, result.artefact))
  }
  return done
}

/** Progress that says which stage it is of. */
function named(name: string, { onProgress }: OperationOptions): OperationOptions {
  return onProgress
    ? { onProgress: (progress) => onProgress({ ...progress, phase: `${name}: ${progress.phase}` }) }
    : {}
}

async function refuseRuns(stages: readonly PreparedStage[]): Promise<void> {
  const runs: { name: string; folder: string; run: RunFile }[] = []
  for (const { name, runFolder } of stages) {
    const run = await readRunFile(runFolder)
    if (run) runs.push({ name, folder: runFolder, run })
  }
  if (runs.length === 0) return
  throw new LookalikeError(
    'train/run-exists',
    {
      problem: `There are runs of ${runs.map(({ name, run }) => `the stage "${name}" (${run.state})`).join(', ')} in ${path.dirname(runs[0]!.folder)}`,
      expected: 'a new name, or to be told whether to go on with them or to replace them',
      fix: 'Go on with --resume, which leaves finished stages as they are; replace them with --overwrite; or train under another name with --name=...',
    },
    { fields: { folders: runs.map(({ folder }) => folder) } },
  )
}

function noArtefact(stage: string, file: string): LookalikeError {
  return new LookalikeError(
    'stages/no-artefact',
    {
      problem: `The stage "${stage}" has finished, and ${file} is not there`,
      expected: 'what its training says it wrote',
      fix: 'Train it again with --overwrite.',
    },
    { fields: { stage, path: file } },
  )
}
