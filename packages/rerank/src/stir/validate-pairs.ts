import { withInitializers } from '@lookalike/onnx'
import type { TrainableModel } from '@lookalike/train'
import type { ImageCode } from '../codes/image-code.js'
import { NAMES } from '../pair/pair-spec.js'
import { createPairScorer } from './create-pair-scorer.js'
import type { StageOneTerm } from './fit-stage-one.js'
import { findLists, type MeasuredReranking, measureReranking, type Neighbourhood, SCALES } from './measure-reranking.js'
import { weightsOf } from './pair-weights.js'
import type { StirTraining } from './prepare-stir.js'
import { proposeTopN, type TopNProposal } from './propose-top-n.js'
import { encodeItems } from './training-codes.js'

/** Lists that say how many results are worth reranking are so many times as long as those of the validation figure. */
const LONGER = 4

export interface PairValidation {
  /** Held-out images that have another of their class. */
  readonly lists: number
  /** How their search results become better by the pair model as it is now. */
  measure(): Promise<MeasuredReranking>
  /** How many of the results are worth reranking, with this weight of the encoder's distance; costs as much as four validations. */
  propose(scale: number): Promise<TopNProposal & { readonly millisecondsPerPair: number }>
}

/** @param codes the tokens of the held-out images; undefined where the pair model sees pixels */
export async function createPairValidation(
  { settings, bare, preprocessing, running, operation, held, pair: { spec } }: StirTraining,
  model: TrainableModel,
  codes: readonly ImageCode[] | undefined,
  stageOne: StageOneTerm | undefined,
): Promise<PairValidation> {
  const labels = held.items.map(({ label }) => label)
  const searching = { ...operation, threads: running.threads }
  const listsOf = (topN: number) => findLists(held, labels, topN, searching)
  const lists = await listsOf(settings.topN)
  const scales = !spec.stageOne ? [0] : stageOne ? [stageOne.scale, ...SCALES] : SCALES
  const judge = async (given: readonly Neighbourhood[]) => {
    const network = withInitializers(bare, weightsOf(model))
    const scorer = await createPairScorer(network, spec, preprocessing, { ...running, output: NAMES.logit })
    try {
      // An aborted run still finishes the validation that it is in.
      const seen = codes ?? (await encodeItems(scorer, held.items))
      const queries = given.flatMap(({ query, candidates }) => candidates.map(() => seen[query]!))
      const candidates = given.flatMap((list) => list.candidates.map((candidate) => seen[candidate]!))
      const began = performance.now()
      const logits = await scorer.score(queries, candidates)
      return { logits, millisecondsPerPair: (performance.now() - began) / Math.max(1, logits.length) }
    } finally {
      await scorer.dispose()
    }
  }
  return {
    lists: lists.length,
    measure: async () => measureReranking(lists, labels, (await judge(lists)).logits, scales),
    async propose(scale) {
      const longer = await listsOf(LONGER * settings.topN)
      const { logits, millisecondsPerPair } = await judge(longer)
      return { ...proposeTopN(longer, labels, logits, scale), millisecondsPerPair }
    },
  }
}
