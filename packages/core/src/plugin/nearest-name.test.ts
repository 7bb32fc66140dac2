import { expect, it } from 'vitest'
import { nearestName } from './nearest-name.js'

it.each([
  ['proxy-ancor', 'proxy-anchor'],
  ['proxyanchor', 'proxy-anchor'],
  ['TRIPLET', 'triplet'],
  ['tirplet', 'triplet'],
  ['zebra', undefined],
])('%s -> %s', (given, nearest) => {
  expect(nearestName(given, ['triplet', 'proxy-anchor', 'contrastive'])).toBe(nearest)
})
