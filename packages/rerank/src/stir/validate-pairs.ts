import { withInitializers } from '@lookalike/onnx'
import type { TrainableModel } from '@lookalike/train'
import type { ImageCode } from '../codes/image-code.js'
import { NAMES } from '../pair/pair-spec.js'
import { createPairScorer } from './create-pair-scorer.js'
import type { StageOneTerm } from './fit-stage-one.js'
import { findNeighbourhoods, type MeasuredReranking, measureReranking, SCALES } from './measure-reranking.js'
import { weightsOf } from './pair-weights.js'
import type { StirTraining } from './prepare-stir.js'
import { encodeItems } from './training-codes.js'

/**
 * How the held-out images' search results become better by the pair model as it is now.
 *
 * @param codes the tokens of the held-out images; undefined where the pair model sees pixels
 * @returns undefined where no held-out image has another of its class
 */
export async function createPairValidation(
  { settings, bare, preprocessing, running, operation, held, pair: { spec } }: StirTraining,
  model: TrainableModel,
  codes: readonly ImageCode[] | undefined,
  stageOne: StageOneTerm | undefined,
): Promise<{ readonly lists: number; measure(): Promise<MeasuredReranking> }> {
  const labels = held.items.map(({ label }) => label)
  const searching = { ...operation, threads: running.threads }
  const lists = await findNeighbourhoods(held.embeddings, labels, settings.topN, searching)
  const scales = !spec.stageOne ? [0] : stageOne ? [stageOne.scale, ...SCALES] : SCALES
  return {
    lists: lists.length,
    async measure() {
      const network = withInitializers(bare, weightsOf(model))
      const judge = await createPairScorer(network, spec, preprocessing, { ...running, output: NAMES.logit })
      try {
        // An aborted run still finishes the validation that it is in.
        const seen = codes ?? (await encodeItems(judge, held.items))
        const queries = lists.flatMap(({ query, candidates }) => candidates.map(() => seen[query]!))
        const candidates = lists.flatMap((list) => list.candidates.map((candidate) => seen[candidate]!))
        return measureReranking(lists, labels, await judge.score(queries, candidates), scales)
      } finally {
        await judge.dispose()
      }
    },
  }
}
