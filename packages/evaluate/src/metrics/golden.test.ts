import { readFileSync } from 'node:fs'
import { createEmbeddings } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { fnmrAtFmr } from './fnmr-at-fmr.js'
import { judgeEmbeddings } from './judge-embeddings.js'
import { judgeRankings } from './judge-rankings.js'
import { summarise } from './summarise.js'

interface Golden {
  cases: {
    queries: { shape: [number, number]; data: number[] }
    gallery: { shape: [number, number]; data: number[] }
    queryLabels: number[]
    galleryLabels: number[]
    order: number[][]
    oml: Record<'cmc' | 'precision' | 'map', Record<string, number>>
    pml: Record<string, number>
  }[]
  fnmrAtFmr: { positiveDistances: number[]; negativeDistances: number[]; fmr: number[]; fnmr: number[] }
}
const golden = JSON.parse(readFileSync(new URL('../../fixtures/metrics.json', import.meta.url), 'utf8')) as Golden

const ks = ['1', '2', '4', '8']
const names = [
  ...ks.flatMap((k) => [`recall@${k}`, `oml.precision@${k}`, `oml.map@${k}`]),
  'precision@1',
  'map@r',
  'r-precision',
  'mrr',
  'pml.map',
]

describe.each(golden.cases.map((example) => [example.queries.shape.join(' x '), example] as const))(
  '%s',
  (_, example) => {
    const matrix = ({ shape: [rows, dim], data }: { shape: [number, number]; data: number[] }) =>
      createEmbeddings({ data: Float32Array.from(data), rows, dim, space: 'golden', role: 'any' })
    const expected: Record<string, number> = {
      'precision@1': example.pml.precision_at_1!,
      'map@r': example.pml.mean_average_precision_at_r!,
      'r-precision': example.pml.r_precision!,
      mrr: example.pml.mean_reciprocal_rank!,
      'pml.map': example.pml.mean_average_precision!,
    }
    for (const k of ks) {
      expected[`recall@${k}`] = example.oml.cmc[k]!
      expected[`oml.precision@${k}`] = example.oml.precision[k]!
      expected[`oml.map@${k}`] = example.oml.map[k]!
    }

    it('equals PML and OML on rankings', () => {
      const rankings = example.order.map((positions) => ({
        positions: Int32Array.from(positions),
        distances: new Float32Array(positions.length),
      }))
      const { metrics } = summarise(judgeRankings(rankings, example), names)
      for (const name of names) expect(metrics[name], name).toBeCloseTo(expected[name]!, 6)
    })

    it('equals PML and OML on embeddings', async () => {
      const { metrics } = summarise(
        await judgeEmbeddings(matrix(example.queries), matrix(example.gallery), example),
        names,
      )
      for (const name of names) expect(metrics[name], name).toBeCloseTo(expected[name]!, 6)
    })
  },
)

it('equals OML in FNMR@FMR', () => {
  const { positiveDistances, negativeDistances, fmr, fnmr } = golden.fnmrAtFmr
  fnmrAtFmr(positiveDistances, negativeDistances, fmr).forEach((rate, i) => expect(rate).toBeCloseTo(fnmr[i]!, 6))
})
