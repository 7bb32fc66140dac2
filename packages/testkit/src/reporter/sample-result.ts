import { createRanking, type DatasetItem, type EvaluationResult } from '@lookalike/core'
import { samplePicture } from '../encoder/sample-batch.js'

/** A small evaluation with two stages, categories, a curve and a warning; names hold what HTML and CSV have to escape. */
export function sampleResult(): EvaluationResult {
  const items = Array.from(
    { length: 6 },
    (_, i): DatasetItem => ({
      id: `images/<${i}> & "quoted", ${i}.png`,
      source: samplePicture(i),
      label: `label ${i % 2}`,
      split: 'test',
      isQuery: true,
      isGallery: true,
      category: `category ${i % 2}`,
    }),
  )
  const rankings = items.map((_, query) =>
    createRanking(
      Int32Array.from(items.keys()).filter((position) => position !== query),
      Float32Array.from({ length: items.length - 1 }, (__, rank) => rank / 10),
    ),
  )
  const stage = (name: string, recall: number) => ({
    name,
    metrics: { 'recall@1': recall, 'map@r': recall / 2 },
    categories: { 'category 0': { 'recall@1': recall }, 'category 1': { 'recall@1': recall } },
    rankings,
    millisecondsPerQuery: 1.5,
  })
  return {
    name: 'sample',
    dataset: 'pictures',
    model: { name: 'sample-encoder', space: 'testkit/sample', dim: 8 },
    queries: items,
    gallery: items,
    stages: [stage('search', 0.5), stage('rerank', 0.75)],
    curves: [{ name: 'a curve', x: { label: 'x', values: [0, 0.5, 1] }, y: { label: 'y', values: [1, 0.6, 0.2] } }],
    uncertainty: Float32Array.from(items, (_, i) => i / 10),
    warnings: [{ code: 'image/corrupt', message: 'One image could not be read.', fields: {} }],
    finishedAt: '2024-01-01T00:00:00.000Z',
  }
}
