import type { DatasetItem } from '../contracts/dataset.js'
import type { Embeddings } from '../contracts/embeddings.js'
import type { ImageRequest } from '../contracts/image.js'
import type { Ranking } from '../contracts/ranking.js'
import type { OperationOptions } from '../contracts/spec.js'
import { LookalikeError, type Warning } from '../errors.js'
import { selectRows } from '../matrix/create-embeddings.js'
import { judgeEmbeddings } from '../metrics/judge-embeddings.js'
import { judgeRankings } from '../metrics/judge-rankings.js'
import { createJudgement, type JudgedQuery, type Judgement } from '../metrics/judgement.js'
import { metricNames, parseMetric } from '../metrics/parse-metric.js'
import { summarise } from '../metrics/summarise.js'
import { createRelevance, truthOfItems, type Relevance, type Truth } from '../metrics/truth.js'
import { applyReranker } from '../pipeline/apply-reranker.js'
import type { Pipeline } from '../pipeline/create-pipeline.js'
import { searchGallery } from '../pipeline/search-gallery.js'
import { evaluateTriples } from './evaluate-triples.js'
import type { EvaluationResult, StageResult } from './evaluation-result.js'
import { recallCurve, rejectionCurves } from './evaluation-curves.js'

/** Queries at work at a time: their long lists are judged, and only the beginnings kept. */
const BLOCK = 1024
/** Results of each query that stay in the evaluation, at least; for pictures and curves. */
const KEPT = 50

/**
 * Searches every query of the dataset's split in its gallery, reranks, and measures each stage.
 *
 * @throws `evaluate/empty` when the split has nothing to measure, `metrics/*`, and what embedding throws.
 */
export async function evaluate(pipeline: Pipeline, options: OperationOptions = {}): Promise<EvaluationResult> {
  const { config } = pipeline
  const warnings: Warning[] = []
  const onWarning = (warning: Warning) => {
    warnings.push(warning)
    options.onWarning?.(warning)
  }
  const inner: OperationOptions = { ...options, onWarning }
  const names = metricNames(config.evaluate.metrics, config.evaluate.ks)
  const dataset = await pipeline.dataset()
  const model = await pipeline.model()
  const items = dataset.items.filter(({ split }) => split === config.evaluate.split)
  const triples = (dataset.triples ?? []).filter(({ split }) => split === config.evaluate.split)
  if (triples.length === 0 && !(items.some(({ isQuery }) => isQuery) && items.some(({ isGallery }) => isGallery))) {
    throw emptySplit(dataset.name, config.evaluate.split, dataset.items)
  }

  const sides = await embedSides(pipeline, items, model.symmetric, inner)
  const truth = truthOfItems(sides.queryItems, sides.galleryItems)
  const relevance = createRelevance(truth)
  const answerable = sides.queryItems.some((_, row) => relevance.relevantTo(row).length > 0)
  if (!answerable && triples.length === 0) throw noAnswers(dataset.name, sides)
  const { stages, curves } = answerable ? await measureStages(pipeline, sides, truth, relevance, names, inner) : { stages: [], curves: [] }

  const first = stages[0] ?? { name: 'search', metrics: {}, categories: {}, rankings: [], millisecondsPerQuery: 0 }
  const withTriples = triples.length === 0 ? stages : [await addTriples(first), ...stages.slice(1)]
  return {
    name: config.name,
    dataset: dataset.name,
    model: { name: model.name, space: model.space, dim: model.dim },
    queries: withTriples[0]!.rankings.length > 0 ? sides.queryItems : [],
    gallery: sides.galleryItems,
    stages: withTriples,
    curves,
    ...(sides.uncertainty && { uncertainty: sides.uncertainty }),
    warnings,
    finishedAt: new Date().toISOString(),
  }

  async function addTriples(stage: StageResult): Promise<StageResult> {
    const found = await evaluateTriples(pipeline, dataset.items, triples, inner)
    if (found.skipped > 0) {
      onWarning({
        code: 'evaluate/triples-skipped',
        message: `${found.skipped} of ${triples.length} triples are left out, because an image of theirs could not be read.`,
        fields: { skipped: found.skipped },
      })
    }
    const contexts = Object.fromEntries(
      Object.entries(found.contexts).map(([name, accuracy]) => [name, { ...stage.categories[name], 'triplet-accuracy': accuracy }]),
    )
    return { ...stage, metrics: { ...stage.metrics, 'triplet-accuracy': found.accuracy }, categories: { ...stage.categories, ...contexts } }
  }
}

/** Both sides of the search, without the images that could not be read. */
interface Sides {
  readonly queryItems: readonly DatasetItem[]
  readonly galleryItems: readonly DatasetItem[]
  readonly queries: Embeddings
  readonly gallery: Embeddings
  readonly uncertainty?: Float32Array
}

async function embedSides(pipeline: Pipeline, items: readonly DatasetItem[], symmetric: boolean, options: OperationOptions): Promise<Sides> {
  const queries = items.filter(({ isQuery }) => isQuery)
  const gallery = items.filter(({ isGallery }) => isGallery)
  // One array for both sides lets the model see each image once.
  const same = symmetric || items.every(({ isQuery, isGallery }) => isQuery === isGallery)
  const used = items.filter(({ isQuery, isGallery }) => isQuery || isGallery)
  const images = same ? used.map(requestOf) : undefined
  const one = async (role: 'query' | 'gallery', wanted: readonly DatasetItem[]) => {
    const embedded = await pipeline.embed(images ?? wanted.map(requestOf), role, options)
    const of = images ? used : wanted
    const member = role === 'query' ? ({ isQuery }: DatasetItem) => isQuery : ({ isGallery }: DatasetItem) => isGallery
    const rows = Array.from(embedded.positions, (_, row) => row).filter((row) => member(of[embedded.positions[row]!]!))
    const kept = rows.map((row) => of[embedded.positions[row]!]!)
    const embeddings = rows.length === embedded.embeddings.rows ? embedded.embeddings : selectRows(embedded.embeddings, rows)
    return { kept, embeddings, uncertainty: embedded.uncertainty && Float32Array.from(rows, (row) => embedded.uncertainty![row]!) }
  }
  const galleryPart = await one('gallery', gallery)
  const queryPart = await one('query', queries)
  return {
    queryItems: queryPart.kept,
    galleryItems: galleryPart.kept,
    queries: queryPart.embeddings,
    gallery: galleryPart.embeddings,
    ...(galleryPart.uncertainty && { uncertainty: galleryPart.uncertainty }),
  }
}

async function measureStages(
  pipeline: Pipeline,
  sides: Sides,
  truth: Truth,
  relevance: Relevance,
  names: readonly string[],
  options: OperationOptions,
): Promise<Pick<EvaluationResult, 'stages' | 'curves'>> {
  const { queries, gallery, queryItems, galleryItems } = sides
  const { ks } = pipeline.config.evaluate
  const rerankers = await pipeline.rerankers()
  const largest = Math.max(...ks)
  if (largest > galleryItems.length) {
    options.onWarning?.({
      code: 'evaluate/k-too-large',
      message: `k = ${largest} is larger than the gallery of ${galleryItems.length} images; there it means the whole gallery.`,
      fields: { k: largest, gallery: galleryItems.length },
    })
  }
  const depth = searchDepth(names, relevance, Math.max(KEPT, largest, ...rerankers.map(({ topN }) => topN)))
  // Only metrics over the whole gallery need the ranks behind the end of the lists.
  const wholeGallery = names.some((name) => parseMetric(name).depth(1) === Infinity)
  const beyond = wholeGallery ? await judgeEmbeddings(queries, gallery, truth, options) : undefined

  const index = await (await pipeline.engine()).open({ dim: gallery.dim, space: gallery.space })
  const stages = ['search', ...rerankers.map(({ name }) => name)].map((name) => ({
    name, milliseconds: 0, rankings: [] as Ranking[], judged: Array.from<JudgedQuery | undefined>({ length: queries.rows }),
  }))
  try {
    await index.add(gallery, options)
    const view = { embeddings: gallery, nearest: (rows: Embeddings, k: number) => index.search(rows, k) }
    const images = { queryImages: queryItems.map(requestOf), galleryImages: galleryItems.map(requestOf) }
    for (const reranker of rerankers) await reranker.prepare?.(view, options)
    for (let start = 0; start < queries.rows; start += BLOCK) {
      const rows = Math.min(BLOCK, queries.rows - start)
      const block = { ...queries, data: queries.data.subarray(start * queries.dim, (start + rows) * queries.dim), rows }
      const progress = shifted(options, start, queries.rows)
      let rankings: Ranking[] = []
      for (const [number, stage] of stages.entries()) {
        const reranker = rerankers[number - 1]
        const began = performance.now()
        rankings = reranker
          ? await applyReranker(reranker, { rankings, queries: block, gallery: view, ...images, queryImages: images.queryImages.slice(start, start + rows) }, progress)
          : await searchGallery(index, block, depth, (row) => relevance.excludedFrom(start + row), progress)
        stage.milliseconds += performance.now() - began
        const cut = rerankers.slice(0, number).some(({ drops }) => drops)
        const judgement = judgeRankings(rankings, partOf(truth, start, rows), beyond && partOfJudgement(beyond, start, rows), cut)
        for (const query of judgement.queries) stage.judged[start + query.query] = { ...query, query: start + query.query }
        for (const ranking of rankings) stage.rankings.push(beginning(ranking, Math.max(KEPT, largest)))
      }
    }
  } finally {
    await index.dispose()
  }

  const judgements = stages.map(({ judged }) => createJudgement(relevance, Array.from(judged)))
  for (const warning of judgements[0]!.warnings) options.onWarning?.(warning)
  const categories = queryItems.some(({ category }) => category !== undefined) ? queryItems.map(({ category }) => category) : undefined
  return {
    stages: stages.map(({ name, milliseconds, rankings }, number) => ({
      name,
      ...summarise(judgements[number]!, names, categories),
      rankings,
      millisecondsPerQuery: milliseconds / Math.max(1, queries.rows),
    })),
    curves: [
      ...stages.map(({ name }, number) => recallCurve(name, judgements[number]!, Math.min(KEPT, galleryItems.length))),
      ...(sides.uncertainty ? rejectionCurves(sides.uncertainty, stages.at(-1)!.rankings, truth, pipeline.config.seed) : []),
    ],
  }
}

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
    ...(truth.own && { own: part(truth.own) }),
    ...(truth.querySequences && { querySequences: Array.from({ length: rows }, (_, i) => truth.querySequences![start + i]) }),
  }
}

function partOfJudgement(judgement: Judgement, start: number, rows: number): Judgement {
  const queries = judgement.queries
    .filter(({ query }) => query >= start && query < start + rows)
    .map((judged) => ({ ...judged, query: judged.query - start }))
  return { queries, warnings: [] }
}

/** Progress of a block as progress of the whole. */
function shifted(options: OperationOptions, start: number, total: number): OperationOptions {
  const { onProgress } = options
  if (!onProgress) return options
  return { ...options, onProgress: (progress) => onProgress({ ...progress, done: progress.done + start, total }) }
}

function requestOf({ source, box }: DatasetItem): ImageRequest {
  return { source, ...(box && { box }) }
}

function emptySplit(dataset: string, split: string, items: readonly DatasetItem[]): LookalikeError {
  const counts = (['train', 'validation', 'test'] as const).map((name) => `${name} ${items.filter((item) => item.split === name).length}`).join(', ')
  return new LookalikeError(
    'evaluate/empty',
    {
      problem: `The split "${split}" of the dataset ${dataset} has no queries with a gallery and no triples (images: ${counts})`,
      expected: 'a split with queries and gallery images, or with triples',
      fix: 'Choose another with --evaluate.split, or give the dataset one.',
    },
    { fields: { dataset, split } },
  )
}

function noAnswers(dataset: string, { queryItems, galleryItems }: Sides): LookalikeError {
  return new LookalikeError(
    'evaluate/empty',
    {
      problem: `None of the ${queryItems.length} readable queries of ${dataset} has another image of its class among the ${galleryItems.length} gallery images`,
      expected: 'classes with at least two images',
      fix: 'Check that the labels of queries and gallery are spelt alike.',
    },
    { fields: { dataset, queries: queryItems.length, gallery: galleryItems.length } },
  )
}
