import { createRandom } from '@lookalike/core'
import { balanced } from '@lookalike/train'
import { fitStageOne, type StageOneTerm } from './fit-stage-one.js'
import { createHardBatches } from './hard-batches.js'
import { createListBatches } from './list-pairs.js'
import { findNeighbourhoods } from './measure-reranking.js'
import type { PlannedBatch } from './pair-batches.js'
import type { StirTraining } from './prepare-stir.js'

export interface PairPlan {
  /** The batches of an epoch. */
  planOf(epoch: number): readonly PlannedBatch[]
  /** How the encoder's distance enters the logit, where search results were looked at. */
  readonly stageOne: StageOneTerm | undefined
}

/** Which pairs are trained on: hard ones of balanced batches, as in the paper, or search results as they come (ours). */
export async function planPairs({
  settings,
  request: { run, onWarning },
  operation,
  running: { threads },
  training: { embeddings, labels },
  pair: { spec },
}: StirTraining): Promise<PairPlan> {
  const inEpoch = (plan: ReturnType<typeof createHardBatches>) => (epoch: number) =>
    plan(createRandom(run.seed).fork(`sampler/${epoch}`))
  const { instances, topN } = settings
  if (settings.pairs !== 'lists') {
    const sampler = balanced({ labels: settings.labels, instances }, onWarning)
    return { planOf: inEpoch(createHardBatches(sampler, embeddings, labels)), stageOne: undefined }
  }
  const lists = await findNeighbourhoods(embeddings, labels, topN, { ...operation, threads })
  return {
    planOf: inEpoch(createListBatches(lists, labels, settings.labels * instances)),
    // Of search results, the encoder's distance tells the truth more often than not: the pair model learns what it leaves open.
    stageOne: spec.stageOne ? fitStageOne(lists, labels) : undefined,
  }
}
