import {
  createRanking,
  type Embeddings,
  type GalleryView,
  type Ranking,
  type Reranker,
  type RerankRequest,
  rowOf,
  selectRows,
} from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { innerProduct, largestDifference } from '../compare.js'
import { checkCommon, checkWhole } from '../contract.js'
import { samplePicture } from '../encoder/sample-batch.js'
import { bruteForce } from '../index/brute-force.js'
import { createParts, type Parts } from '../parts.js'
import { checkAbort } from '../rejects.js'
import { sampleVectors } from '../vectors.js'

export interface RerankerCheckOptions {
  /** Length of the vectors. Default: 8. */
  readonly dim?: number
  /** The space that the reranker expects. Default: any. */
  readonly space?: string
  /** Gallery images; more than the reranker's topN shows that the tail stays. Default: 40. */
  readonly rows?: number
}

interface Subject {
  readonly parts: Parts<Reranker>
  readonly gallery: Embeddings
  readonly queries: Embeddings
  /** A fresh reranker that knows the gallery. */
  prepared(): Promise<Reranker>
  shared(): Promise<Reranker>
  request(reranker: Reranker, query: number, length?: number): RerankRequest
}

const QUERIES = 4

function viewOf(gallery: Embeddings): GalleryView {
  return {
    embeddings: gallery,
    nearest: async (queries, k) => rankingsOf(queries, gallery, k),
  }
}

const rankingsOf = (queries: Embeddings, gallery: Embeddings, k = gallery.rows): Ranking[] =>
  bruteForce(queries, gallery).map((all) => {
    const nearest = all.slice(0, k)
    return createRanking(
      Int32Array.from(nearest, ({ position }) => position),
      Float32Array.from(nearest, ({ distance }) => distance),
    )
  })

/** What a reranker's answer breaks; nothing where it keeps the contract. */
function answerProblems(reranker: Reranker, before: Ranking, after: Ranking): string[] {
  const { drops = false, topN } = reranker
  const { positions, distances } = after
  const problems: string[] = []
  if (positions.length !== distances.length)
    problems.push(`${positions.length} positions came with ${distances.length} distances`)
  if (drops ? positions.length > before.positions.length : positions.length !== before.positions.length) {
    problems.push(
      `${before.positions.length} candidates gave ${positions.length} results${drops ? '' : '; one that leaves results out says so with drops'}`,
    )
  }
  const head = drops ? 0 : topN
  const wanted = new Set(before.positions.subarray(0, head))
  const given = positions.subarray(0, head)
  if (given.some((position) => !wanted.delete(position)))
    problems.push(`the first ${Math.min(head, positions.length)} results are not a permutation of the candidates`)
  const moved = positions.findIndex((position, i) => i >= head && position !== before.positions[i])
  if (moved >= 0)
    problems.push(
      drops
        ? `rank ${moved + 1} holds another result than before`
        : `the tail changed at rank ${moved + 1}, after the first ${topN}`,
    )
  const falls = distances.findIndex(
    (distance, i) => !Number.isFinite(distance) || (i > 0 && distance < distances[i - 1]!),
  )
  if (falls >= 0)
    problems.push(
      `the distance at rank ${falls + 1} is ${distances[falls]}${falls > 0 ? ` after ${distances[falls - 1]}` : ''}; expected: finite and never falling`,
    )
  return problems
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'reranker/contract',
    claim: 'says what it is: name, needs, topN',
    async run({ parts }, report) {
      const reranker = await parts.shared()
      checkCommon(reranker, report)
      checkWhole(reranker.topN, 'topN', 0, report)
      if (reranker.needs !== 'embeddings' && reranker.needs !== 'images')
        report(`needs is ${JSON.stringify(reranker.needs)}; expected: "embeddings" or "images"`)
    },
  },
  {
    id: 'reranker/permutation',
    claim: 'returns the first candidates in some order, the tail as it was, distances sorted',
    async run({ shared, request }, report) {
      const reranker = await shared()
      for (let query = 0; query < QUERIES; query++) {
        const asked = request(reranker, query)
        for (const problem of answerProblems(reranker, asked.ranking, (await reranker.rerank(asked)).ranking))
          report(`query ${query}: ${problem}`)
      }
    },
  },
  {
    id: 'reranker/short-lists',
    claim: 'copes with lists shorter than topN, of one result and of none',
    async run({ shared, request }, report) {
      const reranker = await shared()
      for (const length of [3, 1, 0]) {
        const asked = request(reranker, 1, length)
        try {
          for (const problem of answerProblems(reranker, asked.ranking, (await reranker.rerank(asked)).ranking))
            report(`in a list of ${length}, ${problem}`)
        } catch (error) {
          report(`in a list of ${length} it failed: ${error instanceof Error ? error.message : String(error)}`)
        }
      }
    },
  },
  {
    id: 'reranker/equal-candidates',
    claim: 'copes with candidates that are all the same',
    async run({ shared, request }, report) {
      const reranker = await shared()
      const asked = request(reranker, 0)
      const { candidates, ranking } = asked
      const same = selectRows(
        candidates,
        Array.from({ length: candidates.rows }, () => 0),
      )
      const distance = 1 - innerProduct(rowOf(asked.query, 0), rowOf(candidates, 0))
      const level = createRanking(
        ranking.positions,
        Float32Array.from(ranking.distances, (old, i) => (i < candidates.rows ? distance : old + 1)),
      )
      const answer = await reranker.rerank({ ...asked, candidates: same, ranking: level })
      for (const problem of answerProblems(reranker, level, answer.ranking)) report(problem)
    },
  },
  {
    id: 'reranker/missing-images',
    claim: 'goes on where a candidate has no image',
    async run({ shared, request }, report) {
      const reranker = await shared()
      if (reranker.needs !== 'images') return NOT_CLAIMED
      const asked = request(reranker, 2)
      const candidateImages = asked.candidateImages!.map((image, i) => (i === 1 ? undefined : image))
      const answer = await reranker.rerank({ ...asked, candidateImages })
      for (const problem of answerProblems(reranker, asked.ranking, answer.ranking)) report(problem)
    },
  },
  {
    id: 'reranker/deterministic',
    claim: 'gives the same again, whatever it reranked in between',
    async run({ shared, request }, report) {
      const reranker = await shared()
      const first = (await reranker.rerank(request(reranker, 0))).ranking
      const kept = { positions: first.positions.slice(), distances: first.distances.slice() }
      await reranker.rerank(request(reranker, 1))
      const second = (await reranker.rerank(request(reranker, 0))).ranking
      if (
        largestDifference(kept.positions, second.positions) !== 0 ||
        largestDifference(kept.distances, second.distances) !== 0
      )
        report('the same query was reranked differently the second time')
      if (
        largestDifference(kept.positions, first.positions) !== 0 ||
        largestDifference(kept.distances, first.distances) !== 0
      )
        report('the answer to one query changed with the next')
    },
  },
  {
    id: 'reranker/input',
    claim: 'leaves the ranking and the vectors that it gets as they were',
    async run({ shared, request }, report) {
      const reranker = await shared()
      const asked = request(reranker, 3)
      const watched = {
        positions: asked.ranking.positions,
        distances: asked.ranking.distances,
        "the query's vector": asked.query.data,
        "the candidates' vectors": asked.candidates.data,
      }
      const before = Object.values(watched).map((array) => array.slice())
      await reranker.rerank(asked)
      Object.entries(watched).forEach(([what, array], i) => {
        if (largestDifference(array, before[i]!) !== 0) report(`${what} had other values afterwards`)
      })
    },
  },
  {
    id: 'reranker/abort',
    claim: 'stops when it is asked to',
    async run({ shared, request }, report) {
      const reranker = await shared()
      await checkAbort((signal) => reranker.rerank(request(reranker, 0), { signal }), report)
    },
  },
  {
    id: 'reranker/dispose',
    claim: 'can be put away, twice too, without harm to others of its kind',
    async run({ prepared, request }, report) {
      const [one, other] = [await prepared(), await prepared()]
      await one.dispose()
      try {
        await one.dispose()
      } catch (error) {
        report(`a second dispose failed: ${String(error)}`)
      }
      try {
        await other.rerank(request(other, 0))
      } catch (error) {
        report(`after one was put away, another could not rerank: ${String(error)}`)
      }
    },
  },
]

export const rerankerSuite: Suite<Reranker, RerankerCheckOptions, Subject> = {
  checks,
  open(create, { dim = 8, space = 'testkit/vectors', rows = 40 }) {
    const parts = createParts(create, (reranker) => reranker.dispose())
    const gallery = sampleVectors('gallery', rows, dim, space, 'any')
    const queries = sampleVectors('rerank queries', QUERIES, dim, space, 'any')
    const rankings = rankingsOf(queries, gallery)
    const prepare = async (reranker: Reranker) => {
      await reranker.prepare?.(viewOf(gallery))
      return reranker
    }
    let ready: Promise<Reranker> | undefined
    return {
      parts,
      gallery,
      queries,
      prepared: async () => prepare(await parts.fresh()),
      shared: () => (ready ??= parts.shared().then(prepare)),
      request(reranker, query, length = rows) {
        const all = rankings[query]!
        const ranking = createRanking(all.positions.slice(0, length), all.distances.slice(0, length))
        const top = ranking.positions.subarray(0, reranker.topN)
        return {
          ranking,
          query: selectRows(queries, [query]),
          candidates: selectRows(gallery, top),
          ...(reranker.needs === 'images' && {
            queryImage: { source: samplePicture(1000 + query) },
            candidateImages: Array.from(top, (position) => ({ source: samplePicture(position) })),
          }),
        }
      },
    }
  },
  close: ({ parts }) => parts.close(),
}

/**
 * Checks a reranker: a permutation of the first topN, the tail as it was, sorted distances, short lists, determinism, abort.
 *
 * @example
 * const issues = await checkReranker(() => myReranker({ topN: 20 }))
 */
export const checkReranker = (
  create: Create<Reranker>,
  options: RerankerCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(rerankerSuite, create, options)
