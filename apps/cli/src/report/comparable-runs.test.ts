import { expect, it } from 'vitest'
import { comparableRuns, uncertainty } from './comparable-runs.js'

const run = (queries: number, recall?: number, dataset = 'shop') => ({
  result: {
    dataset,
    queries,
    gallery: queries,
    stages: [
      {
        name: 'search',
        metrics: recall === undefined ? {} : { 'recall@1': recall },
        categories: {},
        millisecondsPerQuery: 1,
      },
    ],
  },
})

it('runs of another dataset, or of another part of it, are not compared', () => {
  const [whole, part, tuned, other] = [run(480, 0.6), run(144, 0.8), run(144, 0.82), run(144, 0.9, 'other')]
  expect(comparableRuns([whole, part, tuned, other])).toEqual([
    { dataset: 'shop', queries: 480, gallery: 480, runs: [whole] },
    { dataset: 'shop', queries: 144, gallery: 144, runs: [part, tuned] },
    { dataset: 'other', queries: 144, gallery: 144, runs: [other] },
  ])
})

it('R@1 is said to be as uncertain as so few queries make it', () => {
  const of = (...runs: ReturnType<typeof run>[]) => uncertainty(comparableRuns(runs)[0]!)
  // Twice the root of 0.5 x 0.5 / 104.
  expect(of(run(100, 0.5), run(100, 1))).toContain('R@1 of 100 queries is uncertain by about 9.8 points')
  expect(of(run(100, 1), run(100, 1))).toContain('by about 2.7 points')
  expect(of(run(100, 0.5))).toBeUndefined()
  expect(of(run(100), run(100))).toBeUndefined()
})
