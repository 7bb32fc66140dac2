import { createRandom, type Warning } from '@lookalike/core'
import { balanced } from '@lookalike/train'
import { fitStageOne, type StageOneTerm } from './fit-stage-one.js'
import { createHardBatches } from './hard-batches.js'
import { createListBatches } from './list-pairs.js'
import { findLists, type Neighbourhood } from './measure-reranking.js'
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
  training,
  pair: { spec },
}: StirTraining): Promise<PairPlan> {
  const inEpoch = (plan: ReturnType<typeof createHardBatches>) => (epoch: number) =>
    plan(createRandom(run.seed).fork(`sampler/${epoch}`))
  const { instances, topN } = settings
  const { embeddings, labels } = training
  const searching = { ...operation, threads }
  const lists = await findLists(training, labels, settings.pairs === 'lists' ? topN : 1, searching)
  warnOfFewErrors(lists, labels, onWarning)
  if (settings.pairs !== 'lists') {
    const sampler = balanced({ labels: settings.labels, instances }, onWarning)
    return { planOf: inEpoch(createHardBatches(sampler, embeddings, labels)), stageOne: undefined }
  }
  return {
    planOf: inEpoch(createListBatches(lists, labels, settings.labels * instances)),
    // Of search results, the encoder's distance tells the truth more often than not: the pair model learns what it leaves open.
    stageOne: spec.stageOne ? fitStageOne(lists, labels) : undefined,
  }
}

/** The share of right first results from which a search hardly errs: less than one wrong list in twenty (ours). */
const HARDLY_ERRS = 0.95

/** A search that does not err on the training classes shows pairs that are not those of other classes, on which it will err. */
function warnOfFewErrors(
  lists: readonly Neighbourhood[],
  labels: Int32Array,
  onWarning: ((warning: Warning) => void) | undefined,
): void {
  const right = lists.filter(({ query, candidates }) => labels[candidates[0]!] === labels[query]).length
  const share = right / lists.length
  if (lists.length === 0 || share < HARDLY_ERRS) return
  onWarning?.({
    code: 'pair/few-errors',
    message:
      `The search is right on the first result of ${(100 * share).toFixed(1)} % of the training images, so there are hardly any errors to learn from. ` +
      'An encoder that was trained on these classes errs on others, in other ways: train the pair model on classes that the encoder has not seen, or on the encoder as it was before its training.',
    fields: { images: lists.length, right },
  })
}
