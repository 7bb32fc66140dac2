import { expect, it } from 'vitest'
import { distinctMetrics, explanation } from './distinct-metrics.js'

it('leaves out rows that say the same by definition, and no others', () => {
  const metrics = { 'recall@1': 0.5, 'precision@1': 0.5, 'map@1': 0.5, 'recall@2': 0.5, 'map@r': 0.5 }
  expect(distinctMetrics([{ metrics }])).toEqual(['recall@1', 'recall@2', 'map@r'])
  // With several labels an image precision may differ.
  expect(distinctMetrics([{ metrics }, { metrics: { ...metrics, 'map@1': 0.4 } }])).toContain('map@1')
  expect(distinctMetrics([{ metrics: { 'precision@1': 0.5 } }])).toEqual(['precision@1'])
  expect(explanation(['recall@1'])).toBeUndefined()
  expect(explanation(['map@r'])).toMatch(/^MAP@R: /)
})
