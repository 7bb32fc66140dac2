import { checkOptions, definePlugin, type Ranking, type Reranker, SPEC_VERSION } from '@lookalike/core'
import * as z from 'zod'

const constantOptions = z.strictObject({
  threshold: z
    .number()
    .describe(
      'Results at this distance (1 - inner product, unless a reranker before changed it) and beyond are left out.',
    ),
})
export type ConstantThresholdOptions = z.input<typeof constantOptions>

const adaptiveOptions = z.strictObject({
  factor: z
    .number()
    .positive()
    .default(3)
    .describe(
      "A gap between neighbouring distances that is larger than this many times the list's average gap ends the list. The smaller, the shorter the lists.",
    ),
})
export type AdaptiveThresholdOptions = z.input<typeof adaptiveOptions>

/** Ends each list before the first result whose distance is `threshold` or more. Lists may become empty. */
export function createConstantThreshold(given: ConstantThresholdOptions): Reranker {
  const { threshold } = checkOptions('constant-threshold', constantOptions, given)
  return cutter('constant-threshold', ({ distances }) => {
    const first = distances.findIndex((distance) => distance >= threshold)
    return first < 0 ? distances.length : first
  })
}

/**
 * Ends each list at its first big gap: before the first result that is more than `factor` times the average gap farther than the result
 * before it. The average is that of the query's own list, so that a query's results do not depend on other queries. At least one result stays.
 */
export function createAdaptiveThreshold(given: AdaptiveThresholdOptions = {}): Reranker {
  const { factor } = checkOptions('adaptive-threshold', adaptiveOptions, given)
  return cutter('adaptive-threshold', ({ distances }) => {
    const average = (distances.at(-1)! - distances[0]!) / (distances.length - 1)
    for (let i = 1; i < distances.length; i++) if (distances[i]! - distances[i - 1]! > factor * average) return i
    return distances.length
  })
}

function cutter(name: string, lengthOf: (ranking: Ranking) => number): Reranker {
  return {
    specVersion: SPEC_VERSION,
    name,
    needs: 'embeddings',
    topN: 0,
    drops: true,
    async rerank({ ranking }, { signal } = {}) {
      signal?.throwIfAborted()
      const length = lengthOf(ranking)
      const cut = Object.freeze({
        positions: ranking.positions.slice(0, length),
        distances: ranking.distances.slice(0, length),
      })
      return { ranking: cut, warnings: [] }
    },
    async dispose() {},
  }
}

export const constantThreshold = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'constant-threshold',
  description: 'Leaves out results beyond a distance.',
  options: constantOptions,
  create: createConstantThreshold,
})

export const adaptiveThreshold = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'adaptive-threshold',
  description: 'Ends each list at its first big gap between distances.',
  options: adaptiveOptions,
  create: createAdaptiveThreshold,
})
