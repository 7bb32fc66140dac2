import {
  type DatasetItem,
  type EvaluationResult,
  LookalikeError,
  type OperationOptions,
  type StageResult,
  type Warning,
} from '@lookalike/core'
import { metricNames } from '../metrics/parse-metric.js'
import { createRelevance, truthOfItems } from '../metrics/truth.js'
import { compareModels } from './compare-models.js'
import { embedSides, type Sides } from './embed-sides.js'
import { evaluateTriples } from './evaluate-triples.js'
import type { Evaluation } from './evaluation.js'
import { measureStages } from './measure-stages.js'

/**
 * Searches every query of the dataset's split in its gallery, reranks, and measures each stage.
 *
 * @throws `evaluate/empty` when the split has nothing to measure, `metrics/*`, and what embedding throws.
 */
export async function evaluate(evaluation: Evaluation, options: OperationOptions = {}): Promise<EvaluationResult> {
  const { dataset, model, split, embed } = evaluation
  const warnings: Warning[] = []
  const onWarning = (warning: Warning) => {
    warnings.push(warning)
    options.onWarning?.(warning)
  }
  const inner: OperationOptions = { ...options, onWarning }
  const names = metricNames(evaluation.metrics, evaluation.ks)
  const items = dataset.items.filter((item) => item.split === split)
  const triples = (dataset.triples ?? []).filter((triple) => triple.split === split)
  if (triples.length === 0 && !(items.some(({ isQuery }) => isQuery) && items.some(({ isGallery }) => isGallery))) {
    throw emptySplit(dataset.name, split, dataset.items)
  }

  const sides = await embedSides(embed, items, model, inner)
  const truth = truthOfItems(sides.queryItems, sides.galleryItems)
  const relevance = createRelevance(truth)
  const answerable = sides.queryItems.some((_, row) => relevance.relevantTo(row).length > 0)
  if (!answerable && triples.length === 0) throw noAnswers(dataset.name, sides)
  const { stages, curves, rejection } = answerable
    ? await measureStages(evaluation, sides, truth, relevance, names, inner)
    : { stages: [], curves: [], rejection: undefined }

  const first = stages[0] ?? { name: 'search', metrics: {}, categories: {}, rankings: [], millisecondsPerQuery: 0 }
  const comparison =
    evaluation.baselines && answerable ? await compareModels(evaluation, items, stages, names, inner) : undefined
  const withTriples = triples.length === 0 ? stages : [await addTriples(first), ...stages.slice(1)]
  return {
    name: evaluation.name,
    dataset: dataset.name,
    model: { name: model.name, space: model.space, dim: model.dim },
    queries: withTriples[0]!.rankings.length > 0 ? sides.queryItems : [],
    gallery: sides.galleryItems,
    stages: withTriples,
    curves,
    comparison,
    uncertainty: sides.uncertainty,
    rejection,
    warnings,
    finishedAt: new Date().toISOString(),
  }

  async function addTriples(stage: StageResult): Promise<StageResult> {
    const found = await evaluateTriples(embed, dataset.items, triples, inner)
    if (found.skipped > 0) {
      onWarning({
        code: 'evaluate/triples-skipped',
        message: `${found.skipped} of ${triples.length} triples are left out, because an image of theirs could not be read.`,
        fields: { skipped: found.skipped },
      })
    }
    const contexts = Object.fromEntries(
      Object.entries(found.contexts).map(([name, accuracy]) => [
        name,
        { ...stage.categories[name], 'triplet-accuracy': accuracy },
      ]),
    )
    return {
      ...stage,
      metrics: { ...stage.metrics, 'triplet-accuracy': found.accuracy },
      categories: { ...stage.categories, ...contexts },
    }
  }
}

function emptySplit(dataset: string, split: string, items: readonly DatasetItem[]): LookalikeError {
  const counts = (['train', 'validation', 'test'] as const)
    .map((name) => `${name} ${items.filter((item) => item.split === name).length}`)
    .join(', ')
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
