import {
  applyReranker,
  type Embeddings,
  type EvaluationResult,
  type GalleryView,
  type ImageRequest,
  type OperationOptions,
  type Ranking,
  type Reranker,
  searchGallery,
  type VectorIndex,
  type Warning,
} from '@lookalike/core'
import { createJudge, type Judge } from '../metrics/create-judge.js'
import { judgeRankings } from '../metrics/judge-rankings.js'
import { type JudgedQuery, type Judgement, noAnswer } from '../metrics/judgement.js'
import { parseMetric } from '../metrics/parse-metric.js'
import { plainSimilarities } from '../metrics/similarities.js'
import { createSummary } from '../metrics/summarise.js'
import type { Relevance, Truth } from '../metrics/truth.js'
import { requestOf, type Sides } from './embed-sides.js'
import type { Evaluation } from './evaluation.js'
import { measureRejection, recallCurve, rejectionCurves } from './evaluation-curves.js'
import { measureTargetRisks } from './measure-target-risks.js'

/** Queries at work at a time: their long lists are judged, and only the beginnings kept. */
const BLOCK = 1024
/** Results of each query that stay in the evaluation, at least; for pictures and curves. */
const KEPT = 50

/** Searches every query of the sides, reranks, and measures each stage. */
export async function measureStages(
  {
    ks,
    rerankers,
    engine,
    seed,
    targetRisks = [],
  }: Pick<Evaluation, 'ks' | 'rerankers' | 'engine' | 'seed' | 'targetRisks'>,
  sides: Sides,
  truth: Truth,
  relevance: Relevance,
  names: readonly string[],
  options: OperationOptions,
): Promise<Pick<EvaluationResult, 'stages' | 'curves' | 'rejection'>> {
  const { queries, gallery, queryItems, galleryItems } = sides
  const largest = ks.reduce((most, k) => Math.max(most, k), 1)
  if (largest > galleryItems.length) options.onWarning?.(tooLarge(largest, galleryItems.length))
  const depth = searchDepth(names, relevance, Math.max(KEPT, largest, ...rerankers.map(({ topN }) => topN)))
  // Only metrics over the whole gallery need the ranks behind the end of the lists.
  const wholeGallery = names.some((name) => parseMetric(name).depth(1) === Infinity)
  const judge = wholeGallery ? await createJudge(gallery, relevance, plainSimilarities) : undefined
  const all = queryItems.map(({ category }) => category)
  const categories = all.some((category) => category !== undefined) ? all : undefined

  const index = await engine.open({ dim: gallery.dim, space: gallery.space })
  const stages = ['search', ...rerankers.map(({ name }) => name)].map((name) => ({
    name,
    milliseconds: 0,
    rankings: [] as Ranking[],
    summary: createSummary(names, categories),
    firstRanks: [] as number[],
  }))
  try {
    await index.add(gallery, options)
    const view = { embeddings: gallery, nearest: (rows: Embeddings, k: number) => index.search(rows, k) }
    const images = { queryImages: queryItems.map(requestOf), galleryImages: galleryItems.map(requestOf) }
    for (const reranker of rerankers) await reranker.prepare?.(view, options)
    const kept = Math.max(KEPT, largest)
    for (let start = 0; start < queries.rows; start += BLOCK)
      await measureBlock(
        start,
        Math.min(BLOCK, queries.rows - start),
        { stages, rerankers, index, depth, kept, queries, view, images, truth, relevance, judge },
        options,
      )
  } finally {
    await index.dispose()
    await judge?.dispose()
  }

  const unanswerable = queryItems.flatMap((_, row) => (relevance.relevantTo(row).length === 0 ? [row] : []))
  for (const warning of noAnswer(relevance, unanswerable)) options.onWarning?.(warning)
  if (targetRisks.length > 0 && !sides.uncertainty) {
    options.onWarning?.({
      code: 'evaluate/no-uncertainty',
      message:
        'The config names target risks, and the model gives gallery images no uncertainty. Ensembles of two or more gallery models do.',
      fields: {},
    })
  }
  const rejection = sides.uncertainty && {
    ...measureRejection(sides.uncertainty, stages.at(-1)!.rankings, truth, seed),
    targets:
      targetRisks.length > 0
        ? measureTargetRisks(stages.at(-1)!.rankings, truth, sides.uncertainty, targetRisks, seed, options)
        : undefined,
  }
  return {
    stages: stages.map(({ name, milliseconds, rankings, summary }) => ({
      name,
      ...summary.result(),
      rankings,
      millisecondsPerQuery: milliseconds / Math.max(1, queries.rows),
    })),
    curves: [
      ...stages.map(({ name, firstRanks }) => recallCurve(name, firstRanks, Math.min(KEPT, galleryItems.length))),
      ...(rejection ? rejectionCurves(rejection) : []),
    ],
    rejection,
  }
}

interface Stage {
  milliseconds: number
  /** Their beginnings. */
  readonly rankings: Ranking[]
  readonly summary: ReturnType<typeof createSummary>
  readonly firstRanks: number[]
}

interface BlockParts {
  /** The search, then the rerankers. */
  readonly stages: readonly Stage[]
  readonly rerankers: readonly Reranker[]
  readonly index: VectorIndex
  readonly depth: number
  /** Results of each query that stay. */
  readonly kept: number
  readonly queries: Embeddings
  readonly view: GalleryView
  readonly images: Readonly<Record<'queryImages' | 'galleryImages', readonly ImageRequest[]>>
  readonly truth: Truth
  readonly relevance: Relevance
  readonly judge: Judge | undefined
}

/** Takes some queries through all stages. */
async function measureBlock(
  start: number,
  rows: number,
  { stages, rerankers, index, depth, kept, queries, view, images, truth, relevance, judge }: BlockParts,
  options: OperationOptions,
): Promise<void> {
  const block = { ...queries, data: queries.data.subarray(start * queries.dim, (start + rows) * queries.dim), rows }
  const queryImages = images.queryImages.slice(start, start + rows)
  const progress = shifted(options, start, queries.rows)
  const beyond = judge && (await judgeBlock(judge, block, start))
  let rankings: Ranking[] = []
  for (const [number, stage] of stages.entries()) {
    const reranker = rerankers[number - 1]
    const began = performance.now()
    rankings = reranker
      ? await applyReranker(reranker, { rankings, queries: block, gallery: view, ...images, queryImages }, progress)
      : await searchGallery(index, block, depth, (row) => relevance.excludedFrom(start + row), progress)
    stage.milliseconds += performance.now() - began
    const cut = rerankers.slice(0, number).some(({ drops }) => drops)
    const { queries: judged } = judgeRankings(rankings, partOf(truth, start, rows), beyond, cut)
    stage.summary.add(judged.map((query) => ({ ...query, query: start + query.query })))
    for (const { hits } of judged) stage.firstRanks.push(hits[0] ?? Infinity)
    for (const ranking of rankings) stage.rankings.push(beginning(ranking, kept))
  }
}

const tooLarge = (k: number, gallery: number): Warning => ({
  code: 'evaluate/k-too-large',
  message: `k = ${k} is larger than the gallery of ${gallery} images; there it means the whole gallery.`,
  fields: { k, gallery },
})

/** How many results the metrics, the rerankers and the report look at. */
function searchDepth(names: readonly string[], relevance: Relevance, least: number): number {
  let most = 1
  for (let row = 0; row < relevance.queries; row++) most = Math.max(most, relevance.relevantTo(row).length)
  const finite = names.map((name) => parseMetric(name).depth(most)).filter(Number.isFinite)
  return Math.min(relevance.gallery, Math.max(least, ...finite))
}

function beginning(ranking: Ranking, count: number): Ranking {
  if (ranking.positions.length <= count) return ranking
  return Object.freeze({ positions: ranking.positions.slice(0, count), distances: ranking.distances.slice(0, count) })
}

function partOf(truth: Truth, start: number, rows: number): Truth {
  const part = <T>(values: ArrayLike<T>) => Array.from({ length: rows }, (_, i) => values[start + i]!)
  return {
    ...truth,
    queryLabels: part(truth.queryLabels),
    own: truth.own && part(truth.own),
    querySequences: truth.querySequences && part(truth.querySequences),
  }
}

/** Judges a block of queries in the whole gallery; queries are counted from the block's first. */
async function judgeBlock(judge: Judge, block: Embeddings, start: number): Promise<Judgement> {
  const judged: JudgedQuery[] = []
  for (let from = 0; from < block.rows; from += judge.block) {
    const rows = Math.min(judge.block, block.rows - from)
    const data = block.data.subarray(from * block.dim, (from + rows) * block.dim)
    for (const query of await judge.judge({ ...block, data, rows }, start + from))
      if (query) judged.push({ ...query, query: query.query - start })
  }
  return { queries: judged, warnings: [] }
}

/** Progress of a block as progress of the whole. */
function shifted(options: OperationOptions, start: number, total: number): OperationOptions {
  const { onProgress } = options
  if (!onProgress) return options
  return { ...options, onProgress: (progress) => onProgress({ ...progress, done: progress.done + start, total }) }
}
