import type { ComparedModel, DatasetItem, Model, OperationOptions, StageResult } from '@lookalike/core'
import { createRelevance, truthOfItems } from '../metrics/truth.js'
import { embedSides, requestOf } from './embed-sides.js'
import type { Embed, Evaluation } from './evaluation.js'
import { measureStages } from './measure-stages.js'

/** Query images that the time of encoding is the median of. */
const TIMED = 15

/**
 * A model, whose search and reranking were measured already, and its baselines on the same images. What the rerankers make of the model's results
 * comes after it; the baselines go without them, since rerankers may come after any model.
 *
 * @returns undefined, with a warning, when the model names no baselines
 */
export async function compareModels(
  evaluation: Evaluation,
  items: readonly DatasetItem[],
  measured: readonly StageResult[],
  names: readonly string[],
  options: OperationOptions,
): Promise<ComparedModel[] | undefined> {
  const { model, embed } = evaluation
  const baselines = await model.baselines?.()
  if (!baselines) {
    options.onWarning?.({
      code: 'evaluate/no-baselines',
      message: `The config asks for baselines, and ${model.name} names none. Combiners such as cross-model do.`,
      fields: { model: model.name },
    })
    return undefined
  }
  const row = async (
    name: string,
    of: Model,
    { metrics, millisecondsPerQuery }: StageResult,
  ): Promise<ComparedModel> => ({
    name,
    dim: of.dim,
    metrics,
    encodingMilliseconds: await timeEncoding(embed, items, of, options),
    searchMilliseconds: millisecondsPerQuery,
  })
  const [search, ...reranked] = measured as readonly [StageResult, ...StageResult[]]
  const rows = [await row(model.name, model, search)]
  let milliseconds = search.millisecondsPerQuery
  for (const { name, metrics, millisecondsPerQuery } of reranked) {
    milliseconds += millisecondsPerQuery
    rows.push({ ...rows[0]!, name: `then ${name}`, metrics, searchMilliseconds: milliseconds })
  }
  for (const { name, model: baseline } of baselines) {
    const sides = await embedSides(embed, items, baseline, options)
    const truth = truthOfItems(sides.queryItems, sides.galleryItems)
    const { stages } = await measureStages(
      { ...evaluation, rerankers: [], targetRisks: [] },
      sides,
      truth,
      createRelevance(truth),
      names,
      options,
    )
    rows.push(await row(name, baseline, stages[0]!))
  }
  return rows
}

/** From a query image as a dataset has it to its vector, one at a time; the first one only warms up. */
async function timeEncoding(
  embed: Embed,
  items: readonly DatasetItem[],
  model: Model,
  { signal }: OperationOptions,
): Promise<number> {
  const images = items
    .filter(({ isQuery }) => isQuery)
    .slice(0, TIMED + 1)
    .map(requestOf)
  const times: number[] = []
  for (const image of images) {
    const began = performance.now()
    await embed([image], 'query', { model, cache: false, signal })
    times.push(performance.now() - began)
  }
  const sorted = times.slice(Math.min(1, times.length - 1)).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
