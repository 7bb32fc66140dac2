import { createEmbeddings, createRandom, isRelevant, type SimilarityEngine } from '@lookalike/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judgeEmbeddings, measureEmbeddings } from './judge-embeddings.js'
import { judgeRankings } from './judge-rankings.js'
import { createRankRelevant } from './rank-relevant.js'
import { summarise, worstQueries } from './summarise.js'
import { createRelevance, type Truth, truthOfItems } from './truth.js'

const ranking = (...positions: number[]) => ({
  positions: Int32Array.from(positions),
  distances: new Float32Array(positions.length),
})

describe('judgeRankings', () => {
  it('leaves out the own image and the own sequence without giving them a rank', () => {
    const truth: Truth = {
      queryLabels: ['a'],
      galleryLabels: ['a', 'a', 'b', 'a'],
      own: [0],
      querySequences: ['v1'],
      gallerySequences: ['v1', 'v1', 'v2', undefined],
    }
    const { queries } = judgeRankings([ranking(0, 1, 2, 3)], truth)
    expect(queries).toEqual([{ query: 0, hits: Int32Array.of(2), relevant: 1, depth: 2, complete: true }])
  })

  it('does not take items without a sequence for one sequence', () => {
    const truth: Truth = {
      queryLabels: ['a'],
      galleryLabels: ['a', 'b'],
      querySequences: [undefined],
      gallerySequences: [undefined, undefined],
    }
    expect(judgeRankings([ranking(0, 1)], truth).queries[0]!.hits).toEqual(Int32Array.of(1))
  })

  it('leaves out queries without an answer and names them', () => {
    const { queries, warnings } = judgeRankings([ranking(0, 1), ranking(1, 0), ranking(0, 1)], {
      queryLabels: ['a', 'z', 'b'],
      galleryLabels: ['a', 'b'],
    })
    expect(queries.map(({ query }) => query)).toEqual([0, 2])
    expect(warnings).toMatchObject([{ code: 'metrics/no-answer', fields: { rows: [1] } }])
  })

  it('refuses metrics that look deeper than the lists', () => {
    const judgement = judgeRankings([ranking(1, 0)], { queryLabels: ['a'], galleryLabels: ['a', 'b', 'a'] })
    expect(summarise(judgement, ['recall@2', 'map@r']).metrics).toEqual({ 'recall@2': 1, 'map@r': 0.25 })
    expect(() => summarise(judgement, ['recall@3'])).toThrow(expect.objectContaining({ code: 'metrics/depth' }))
    expect(() => summarise(judgement, ['mrr'])).toThrow(expect.objectContaining({ code: 'metrics/depth' }))
  })

  it('allows k beyond a gallery that was ranked whole', () => {
    const judgement = judgeRankings([ranking(1, 0)], { queryLabels: ['a'], galleryLabels: ['a', 'b'] })
    expect(summarise(judgement, ['recall@100', 'precision@4', 'map@100']).metrics).toEqual({
      'recall@100': 1,
      'precision@4': 0.25,
      'map@100': 0.5,
    })
  })

  it('fills in what stands behind a reranked list', () => {
    const truth: Truth = { queryLabels: ['a'], galleryLabels: ['b', 'a', 'b', 'b', 'a'] }
    const before = judgeRankings([ranking(0, 1, 2, 3, 4)], truth)
    const { queries } = judgeRankings([ranking(1, 0)], truth, before)
    expect(queries).toEqual([{ query: 0, hits: Int32Array.of(1, 5), relevant: 2, depth: 5, complete: true }])
  })

  it('neither loses nor doubles an answer that rounding moved across the end of the list', () => {
    const truth: Truth = { queryLabels: ['a'], galleryLabels: ['a', 'b', 'a', 'b'] }
    const before = judgeRankings([ranking(1, 0, 2, 3)], truth)
    // The list has the answer at its end that the judgement has right behind it, and the other way round.
    expect(judgeRankings([ranking(0, 2)], truth, before).queries[0]!.hits).toEqual(Int32Array.of(1, 2))
    expect(judgeRankings([ranking(1, 3)], truth, before).queries[0]!.hits).toEqual(Int32Array.of(3, 4))
  })

  it('never finds what a reranker left out', () => {
    const truth: Truth = { queryLabels: ['a'], galleryLabels: ['b', 'a', 'b', 'b', 'a'] }
    const before = judgeRankings([ranking(0, 1, 2, 3, 4)], truth)
    const judgement = judgeRankings([ranking(0, 1)], truth, before, true)
    expect(judgement.queries).toEqual([{ query: 0, hits: Int32Array.of(2), relevant: 2, depth: 5, complete: true }])
    expect(summarise(judgement, ['recall@4', 'map@r']).metrics).toEqual({ 'recall@4': 1, 'map@r': 0.25 })
  })

  it.each<[string, Truth]>([
    ['labels', { queryLabels: ['a', 'b'], galleryLabels: ['a', 'b'] }],
    ['own', { queryLabels: ['a'], galleryLabels: ['a', 'b'], own: [2] }],
    ['sequences', { queryLabels: ['a'], galleryLabels: ['a', 'b'], gallerySequences: ['v'] }],
    ['positions', { queryLabels: ['a'], galleryLabels: ['a'] }],
    ['labels that are no numbers', { queryLabels: [NaN], galleryLabels: ['a', NaN] }],
    ['labels that are missing', { queryLabels: ['a'], galleryLabels: ['a', undefined as never] }],
    ['lists without labels', { queryLabels: ['a'], galleryLabels: ['a', []] }],
    ['objects for labels', { queryLabels: ['a'], galleryLabels: ['a', {} as never] }],
    ['texts for lists', { queryLabels: ['a'], galleryLabels: 'ab' }],
  ])('refuses %s that do not fit', (_, truth) => {
    expect(() => judgeRankings([ranking(0, 1)], truth)).toThrow(expect.objectContaining({ code: 'metrics/truth' }))
  })
})

describe('rankRelevant', () => {
  it('agrees with sorting, ties included', () => {
    const example = fc
      .array(fc.tuple(fc.integer({ min: -3, max: 3 }), fc.constantFrom('relevant', 'excluded', 'other')), {
        minLength: 1,
        maxLength: 40,
      })
      .filter((rows) => rows.some(([, kind]) => kind === 'relevant'))
    fc.assert(
      fc.property(example, (rows) => {
        const of = (kind: string) => rows.flatMap(([, other], position) => (other === kind ? [position] : []))
        const order = rows
          .map((_, position) => position)
          .filter((position) => rows[position]![1] !== 'excluded')
          .sort((a, b) => rows[b]![0] - rows[a]![0] || a - b)
        const wanted = order.flatMap((position, rank) => (rows[position]![1] === 'relevant' ? [rank + 1] : []))
        expect([
          ...createRankRelevant(rows.length)(
            Float32Array.from(rows, ([value]) => value),
            Int32Array.from(of('relevant')),
            of('excluded'),
          ),
        ]).toEqual(wanted)
      }),
    )
  })
})

describe('rankRelevant, where single precision cannot tell rows apart', () => {
  it.each([
    ['few ties', 1000],
    ['many ties', 4],
  ])('orders by the exact similarity, then by position: %s', (_, different) => {
    const random = createRandom(different)
    const tolerance = 1e-3
    for (let trial = 0; trial < 60; trial++) {
      const exact = Float64Array.from({ length: 120 }, () => (random.integer(different) - 2) * 4e-4)
      const kinds = Array.from(exact, () => random.integer(5))
      if (!kinds.includes(0)) continue
      const noisy = Float32Array.from(exact, (value) => value + (random.next() - 0.5) * 0.9e-3)
      const of = (kind: number) => kinds.flatMap((other, position) => (other === kind ? [position] : []))
      const order = kinds
        .map((_kind, position) => position)
        .filter((position) => kinds[position] !== 1)
        .sort((a, b) => exact[b]! - exact[a]! || a - b)
      const wanted = order.flatMap((position, rank) => (kinds[position] === 0 ? [rank + 1] : []))
      const near = { tolerance, exact: (position: number) => exact[position]! }
      const rank = createRankRelevant(exact.length)
      for (let again = 0; again < 2; again++)
        expect([...rank(noisy, Int32Array.from(of(0)), of(1), near)]).toEqual(wanted)
    }
  })

  it('takes a similarity that overflowed for the best', () => {
    const ranks = createRankRelevant(3)(Float32Array.of(Infinity, 1, 2), Int32Array.of(0, 1), [])
    expect([...ranks]).toEqual([1, 3])
  })
})

/** Inner products as a single-precision engine might add them: from behind, each sum rounded. */
const roundedSimilarities: SimilarityEngine = async ({ data, rows: count, dim }) => ({
  async compute(queries, rows) {
    return Float32Array.from({ length: rows * count }, (_, at) => {
      const [query, position] = [Math.floor(at / count), at % count]
      let sum = 0
      for (let i = dim - 1; i >= 0; i--)
        sum = Math.fround(sum + Math.fround(queries[query * dim + i]! * data[position * dim + i]!))
      return sum
    })
  },
  dispose: async () => undefined,
})

describe('judgeEmbeddings', () => {
  const random = createRandom(1)
  const gallery = createEmbeddings({
    data: Float32Array.from({ length: 300 * 8 }, () => random.normal()),
    rows: 300,
    dim: 8,
    space: 's',
    role: 'any',
  })
  const labels = Array.from({ length: 300 }, () => random.integer(40))
  const truth: Truth = { queryLabels: labels, galleryLabels: labels, own: labels.map((_, row) => row) }

  it('agrees with judging full sorted lists', async () => {
    const rankings = labels.map((_, row) => {
      const similarity = (position: number) => {
        let sum = 0
        for (let i = 0; i < 8; i++) sum += gallery.data[row * 8 + i]! * gallery.data[position * 8 + i]!
        return Math.fround(sum)
      }
      return ranking(...labels.map((__, position) => position).sort((a, b) => similarity(b) - similarity(a) || a - b))
    })
    const [a, b] = [await judgeEmbeddings(gallery, gallery, truth), judgeRankings(rankings, truth)]
    expect(a).toEqual(b)
  })

  it('gives the same ranks whatever engine multiplies, for doubles and for rows that differ in the last digit', async () => {
    const dim = 48
    const rows = 400
    const random = createRandom(5)
    const centres = Float32Array.from({ length: 20 * dim }, () => random.normal())
    const data = Float32Array.from({ length: rows * dim }, (_, at) => {
      const centre = centres[(Math.floor(at / dim) % 20) * dim + (at % dim)]!
      return centre * (1 + (random.integer(3) - 1) * 2 ** -23)
    })
    const near = createEmbeddings({ data, rows, dim, space: 's', role: 'any' })
    // Rows 20 apart are all but equal, and half of them are of another class.
    const own = Array.from({ length: rows }, (_, row) => row)
    const classes = own.map((row) => (row % 20) + 20 * (Math.floor(row / 20) % 2))
    const ofRows: Truth = { queryLabels: classes, galleryLabels: classes, own }
    const plain = await judgeEmbeddings(near, near, ofRows)
    const rounded = await judgeEmbeddings(near, near, ofRows, { similarities: roundedSimilarities })
    expect(rounded).toEqual(plain)
    const names = ['recall@1', 'map@r', 'pml.map']
    expect(summarise(plain, names).metrics['recall@1']).toBeLessThan(1)
    expect(await measureEmbeddings(near, near, ofRows, names, { similarities: roundedSimilarities })).toEqual(
      summarise(plain, names),
    )
  })

  it('measures by category, a block at a time', async () => {
    const names = ['recall@5', 'mrr']
    const categories = labels.map((label) => (label % 3 === 0 ? undefined : `c${label % 3}`))
    const whole = summarise(await judgeEmbeddings(gallery, gallery, truth), names, categories)
    const measured = await measureEmbeddings(gallery, gallery, truth, names, { categories })
    for (const name of names) expect(measured.metrics[name]).toBeCloseTo(whole.metrics[name]!, 12)
    expect(measured).toEqual(whole)
    expect(Object.keys(measured.categories)).toEqual(['c1', 'c2'])
  })

  it('is told when it does not fit, and when to stop', async () => {
    const other = createEmbeddings({ data: new Float32Array(8), rows: 1, dim: 8, space: 'other', role: 'any' })
    await expect(judgeEmbeddings(other, gallery, truth)).rejects.toMatchObject({ code: 'embeddings/space' })
    await expect(judgeEmbeddings(gallery, gallery, { queryLabels: labels, galleryLabels: [1] })).rejects.toMatchObject({
      code: 'metrics/truth',
    })
    await expect(judgeEmbeddings(gallery, gallery, truth, { signal: AbortSignal.abort() })).rejects.toThrow()
  })

  it('reports queries in an empty gallery', async () => {
    const empty = createEmbeddings({ data: new Float32Array(), rows: 0, dim: 8, space: 's', role: 'any' })
    const judgement = await judgeEmbeddings(gallery, empty, { queryLabels: labels, galleryLabels: [] })
    expect(judgement.warnings[0]!.fields.rows).toHaveLength(300)
    expect(() => summarise(judgement, ['recall@1'])).toThrow(expect.objectContaining({ code: 'metrics/empty' }))
  })
})

describe('summarise', () => {
  const truth: Truth = { queryLabels: ['a', 'b', 'a'], galleryLabels: ['a', 'b', 'b', 'a'] }
  const judgement = judgeRankings([ranking(0, 1, 2, 3), ranking(0, 3, 1, 2), ranking(1, 0, 2, 3)], truth)

  it('averages by category too', () => {
    const { metrics, categories } = summarise(judgement, ['recall@1'], ['x', 'y', 'x'])
    expect(metrics['recall@1']).toBeCloseTo(1 / 3)
    expect(categories).toEqual({ x: { 'recall@1': 0.5 }, y: { 'recall@1': 0 } })
  })

  it('finds the worst queries, the furthest answers first', () => {
    expect(worstQueries(judgement, 'recall@1', 2).map(({ query, value }) => [query, value])).toEqual([
      [1, 0],
      [2, 0],
    ])
  })
})

it("reads the truth of a dataset's items", () => {
  const item = (id: string, label: string, sequence?: string) =>
    ({
      id,
      label,
      source: id,
      split: 'test',
      isQuery: true,
      isGallery: true,
      sequence,
    }) as const
  expect(truthOfItems([item('2', 'b'), item('9', 'a', 's')], [item('1', 'a'), item('2', 'b')])).toEqual({
    queryLabels: ['b', 'a'],
    galleryLabels: ['a', 'b'],
    own: Int32Array.of(1, -1),
    querySequences: [undefined, 's'],
    gallerySequences: [undefined, undefined],
  })
})

describe('images with several labels', () => {
  const item = (id: string, ...labels: string[]) => ({
    id,
    label: labels[0]!,
    labels: labels.length > 1 ? labels : undefined,
    source: id,
    split: 'test' as const,
    isQuery: true,
    isGallery: true,
  })
  const items = [item('0', 'red', 'car'), item('1', 'blue', 'car'), item('2', 'red'), item('3', 'red', 'car', 'red')]

  it('answer each other when they share one, each once', () => {
    const relevance = createRelevance(truthOfItems(items, items))
    expect(items.map((_, query) => [...relevance.relevantTo(query)])).toEqual([
      [1, 2, 3],
      [0, 3],
      [0, 3],
      [0, 1, 2],
    ])
  })

  it('agree with the rule for two items', () => {
    const relevance = createRelevance(truthOfItems(items, items))
    items.forEach((query, at) => {
      const right = items.flatMap((one, position) => (isRelevant(query, one) ? [position] : []))
      expect(right).toEqual([...relevance.relevantTo(at)])
    })
  })
})
