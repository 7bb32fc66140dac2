import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  createEmbeddings,
  createRandom,
  type Embeddings,
  type Ranking,
  type VectorIndex,
  type VectorIndexEngine,
} from '@lookalike/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exactEngine, exactSimilarities, exactTopK, usearchEngine } from './index.js'

const dim = 16
const space = 'test'

function unitRows(rows: number, seed: number): Embeddings<'any'> {
  const random = createRandom(seed)
  const data = Float32Array.from({ length: rows * dim }, () => random.normal())
  for (let row = 0; row < rows; row++) {
    const vector = data.subarray(row * dim, (row + 1) * dim)
    const norm = Math.hypot(...vector)
    vector.forEach((value, i) => (vector[i] = value / norm))
  }
  return createEmbeddings({ data, rows, dim, space, role: 'any' })
}

/** The oracle: every inner product, sorted. */
function bruteForce(
  queries: Embeddings,
  gallery: Embeddings,
  k: number,
  allow: (position: number) => boolean = () => true,
): number[][] {
  return Array.from({ length: queries.rows }, (_, row) => {
    const similarity = Array.from({ length: gallery.rows }, (__, position) => {
      let sum = 0
      for (let i = 0; i < dim; i++) sum += queries.data[row * dim + i]! * gallery.data[position * dim + i]!
      return sum
    })
    return similarity
      .map((___, position) => position)
      .filter(allow)
      .sort((a, b) => similarity[b]! - similarity[a]! || a - b)
      .slice(0, k)
  })
}

function recall(found: readonly Ranking[], wanted: readonly number[][]): number {
  const shares = found.map(
    ({ positions }, i) => wanted[i]!.filter((position) => positions.includes(position)).length / wanted[i]!.length,
  )
  return shares.reduce((sum, share) => sum + share, 0) / shares.length
}

const gallery = unitRows(3000, 1)
const queries = unitRows(40, 2)

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-engines-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const filled = async (engine: VectorIndexEngine, rows: Embeddings = gallery): Promise<VectorIndex> => {
  const index = await engine.open({ dim, space })
  await index.add(rows)
  return index
}

describe.each<[string, VectorIndexEngine, number]>([
  ['exact', exactEngine(), 1],
  ['usearch fp32', usearchEngine({ precision: 'fp32' }), 0.98],
  ['usearch fp16', usearchEngine({ precision: 'fp16' }), 0.98],
  ['usearch int8', usearchEngine({ precision: 'int8' }), 0.9],
])('%s', (name, engine, wantedRecall) => {
  it('finds the nearest, nearest first, with their distances', async () => {
    const index = await filled(engine)
    const found = await index.search(queries, 10)
    const oracle = bruteForce(queries, gallery, 10)
    expect(recall(found, oracle)).toBeGreaterThanOrEqual(wantedRecall)
    for (const [row, { positions, distances }] of found.entries()) {
      expect(positions).toHaveLength(10)
      let similarity = 0
      for (let i = 0; i < dim; i++) similarity += queries.data[row * dim + i]! * gallery.data[positions[0]! * dim + i]!
      expect(distances[0]).toBeCloseTo(1 - similarity, name === 'exact' || name.endsWith('32') ? 5 : 1.5)
    }
    await index.dispose()
  })

  it('gives one query the same answer as many', async () => {
    const index = await filled(engine)
    const [all] = await index.search(queries, 5)
    const [one] = await index.search(
      createEmbeddings({ data: queries.data.slice(0, dim), rows: 1, dim, space, role: 'query' }),
      5,
    )
    expect(one!.positions).toEqual(all!.positions)
    await index.dispose()
  })

  it('adds in parts, and never gives a removed position again', async () => {
    const index = await engine.open({ dim, space })
    const part = (start: number, end: number) =>
      createEmbeddings({
        data: gallery.data.slice(start * dim, end * dim),
        rows: end - start,
        dim,
        space,
        role: 'any' as const,
      })
    await index.add(part(0, 7))
    await index.add(part(7, 100))
    await index.remove([3, 99])
    expect(index.size).toBe(98)
    await index.add(part(3, 4))
    const [nearest] = await index.search(part(3, 4), 1)
    expect([...nearest!.positions]).toEqual([100])
    const [everything] = await index.search(part(0, 1), 1000)
    expect(everything!.positions).toHaveLength(99)
    await expect(index.remove([500])).rejects.toMatchObject({ code: 'index/position' })
    await index.dispose()
  })

  it('sees only allowed rows, also when few are', async () => {
    const index = await filled(engine)
    for (const allow of [
      (position: number) => position % 2 === 0,
      (position: number) => position % 500 === 0,
      (position: number) => position === 17,
    ]) {
      const found = await index.search(queries, 10, { allow })
      const oracle = bruteForce(queries, gallery, 10, allow)
      expect(found.every(({ positions }) => positions.every(allow))).toBe(true)
      expect(found.map(({ positions }) => positions.length)).toEqual(oracle.map((list) => list.length))
      expect(recall(found, oracle)).toBeGreaterThanOrEqual(wantedRecall - 0.02)
    }
    expect((await index.search(queries, 3, { allow: () => false }))[0]!.positions).toHaveLength(0)
    await index.dispose()
  })

  it('puts the lower position first among equals', async () => {
    const twins = createEmbeddings({
      data: Float32Array.from({ length: 6 * dim }, (_, i) => (i % dim === 0 ? 1 : 0)),
      rows: 6,
      dim,
      space,
      role: 'any',
    })
    const index = await filled(engine, twins)
    const [found] = await index.search(
      createEmbeddings({ data: twins.data.slice(0, dim), rows: 1, dim, space, role: 'any' }),
      6,
    )
    expect([...found!.positions]).toEqual([0, 1, 2, 3, 4, 5])
    await index.dispose()
  })

  it('is empty at first, and refuses what does not fit', async () => {
    const index = await engine.open({ dim, space })
    expect((await index.search(queries, 5))[0]!.positions).toHaveLength(0)
    await expect(index.add({ ...gallery, space: 'other' })).rejects.toMatchObject({ code: 'embeddings/space' })
    await expect(index.add({ ...gallery, role: 'query' })).rejects.toMatchObject({ code: 'embeddings/role' })
    await expect(index.search({ ...queries, role: 'gallery' }, 5)).rejects.toMatchObject({ code: 'embeddings/role' })
    await expect(index.search(queries, 0)).rejects.toMatchObject({ code: 'index/k' })
    await expect(index.add(gallery, { signal: AbortSignal.abort() })).rejects.toThrow()
    expect(index.size).toBe(0)
    await index.dispose()
  })

  it('gives the same results when it is made again', async () => {
    const [a, b] = [await filled(engine), await filled(engine)]
    expect(await a.search(queries, 10)).toEqual(await b.search(queries, 10))
    await a.dispose()
    await b.dispose()
  })
})

describe.each(['fp32', 'fp16', 'int8'] as const)('a saved usearch index, %s', (precision) => {
  it.each([false, true])('comes back whole and can grow (mapped: %s)', async (mapped) => {
    const file = path.join(folder, `${precision}-${mapped}`)
    const index = await filled(usearchEngine({ precision }))
    await index.remove([5])
    await index.save!(file)
    const again = await usearchEngine({ precision, mapped }).open({ dim, space, file })
    expect(await again.search(queries, 10)).toEqual(await index.search(queries, 10))
    await again.add(createEmbeddings({ data: gallery.data.slice(5 * dim, 6 * dim), rows: 1, dim, space, role: 'any' }))
    const [found] = await again.search(
      createEmbeddings({ data: gallery.data.slice(5 * dim, 6 * dim), rows: 1, dim, space, role: 'any' }),
      1,
    )
    expect([...found!.positions]).toEqual([3000])
    await index.dispose()
    await again.dispose()
  })
})

it('a small graph misses nothing, however little it looks at', async () => {
  const few = unitRows(1000, 4)
  const engine = usearchEngine({ precision: 'fp32', connectivity: 8, expansionAdd: 16, expansionSearch: 8 })
  const index = await engine.open({ dim, space })
  await index.add(few)
  const found = await index.search(queries, 10)
  expect(recall(found, bruteForce(queries, few, 10))).toBe(1)
  await index.dispose()
})

describe('a saved usearch index', () => {
  const engine = usearchEngine()
  const saved = async (name: string) => {
    const file = path.join(folder, name)
    const index = await filled(engine)
    await index.save!(file)
    await index.dispose()
    return file
  }

  it('that was cut off, changed or replaced is refused before usearch sees it', async () => {
    const cut = await saved('cut')
    await truncate(cut, 1000)
    await expect(engine.open({ dim, space, file: cut })).rejects.toMatchObject({
      code: 'index/snapshot',
      fields: { path: cut },
    })
    const text = await saved('text')
    await writeFile(text, 'no graph')
    await expect(engine.open({ dim, space, file: text })).rejects.toMatchObject({ code: 'index/snapshot' })
    await rm(`${text}.json`)
    await expect(engine.open({ dim, space, file: text })).rejects.toMatchObject({ code: 'index/snapshot' })
  })

  it('is not opened as something else', async () => {
    const file = await saved('other')
    await expect(engine.open({ dim, space: 'other', file })).rejects.toMatchObject({
      code: 'index/snapshot',
      fields: { key: 'space' },
    })
    await expect(usearchEngine({ precision: 'int8' }).open({ dim, space, file })).rejects.toMatchObject({
      fields: { key: 'precision' },
    })
  })
})

it('int8 refuses vectors of unequal length', async () => {
  const index = await usearchEngine({ precision: 'int8' }).open({ dim, space })
  const data = gallery.data.slice(0, 2 * dim).map((value, i) => (i < dim ? value : value * 2))
  await expect(index.add(createEmbeddings({ data, rows: 2, dim, space, role: 'any' }))).rejects.toMatchObject({
    code: 'index/norm',
    fields: { position: 1 },
  })
})

describe('exactTopK', () => {
  it.each([BigInt64Array.of(1n, 2n), 'ab', null, [[1], [2]], new Float32Array(3), new DataView(new ArrayBuffer(8))])(
    'takes no other kind for vectors (%#)',
    async (data) => {
      const good = { data: Float32Array.of(1, 2), rows: 1, dim: 2, space: 's', role: 'any' } as const
      const bad = { ...good, data } as never
      const code = expect.stringMatching(/^embeddings\/(type|shape)$/)
      await expect(exactTopK(bad, good, 1)).rejects.toMatchObject({ code })
      await expect(exactTopK(good, bad, 1)).rejects.toMatchObject({ code })
    },
  )

  it('agrees with sorting over several blocks, whatever the lengths of the vectors', async () => {
    const random = createRandom(3)
    const data = Float32Array.from({ length: 40_000 * dim }, () => random.normal())
    const many = createEmbeddings({ data, rows: 40_000, dim, space, role: 'any' })
    const few = createEmbeddings({ data: queries.data.slice(0, 5 * dim), rows: 5, dim, space, role: 'query' })
    const allow = (position: number) => position % 3 !== 0
    expect((await exactTopK(few, many, 25)).map(({ positions }) => [...positions])).toEqual(bruteForce(few, many, 25))
    expect((await exactTopK(few, many, 25, { allow })).map(({ positions }) => [...positions])).toEqual(
      bruteForce(few, many, 25, allow),
    )
  })

  it('puts the lower position first among equals, across blocks', async () => {
    const rows = 40_000
    const data = new Float32Array(rows * dim)
    for (const position of [39_999, 20, 17_000, 16_383, 16_384]) data[position * dim] = 1
    const query = createEmbeddings({
      data: Float32Array.from({ length: dim }, (_, i) => (i === 0 ? 1 : 0)),
      rows: 1,
      dim,
      space,
      role: 'any',
    })
    const [found] = await exactTopK(query, createEmbeddings({ data, rows, dim, space, role: 'any' }), 7)
    expect([...found!.positions]).toEqual([20, 16_383, 16_384, 17_000, 39_999, 0, 1])
  })

  // Few distinct vectors many times over: the runtime must round their similarities alike wherever they stand.
  it.each([100, 4101, 8232])('puts the lower position first among equal rows of any values, of %i', async (rows) => {
    const random = createRandom(5)
    const wide = 384
    const distinct = Float32Array.from({ length: 20 * wide }, () => random.normal())
    const which = Int32Array.from({ length: rows }, () => random.integer(20))
    const data = new Float32Array(rows * wide)
    which.forEach((row, position) => data.set(distinct.subarray(row * wide, (row + 1) * wide), position * wide))
    const twins = createEmbeddings({ data, rows, dim: wide, space, role: 'any' })
    const some = createEmbeddings({
      data: Float32Array.from({ length: 1030 * wide }, () => random.normal()),
      rows: 1030,
      dim: wide,
      space,
      role: 'any',
    })
    const sorted = (positions: Int32Array) =>
      positions.every(
        (position, i) => i === 0 || which[position] !== which[positions[i - 1]!] || position > positions[i - 1]!,
      )
    const groups = (positions: Int32Array) =>
      positions.filter((position, i) => i === 0 || which[position] !== which[positions[i - 1]!]).length
    const rankings = await exactTopK(some, twins, Math.ceil(rows / 10))
    expect(
      rankings.filter(
        ({ positions }) =>
          !sorted(positions) || groups(positions) > new Set(positions.map((position) => which[position]!)).size,
      ),
    ).toEqual([])
    const similarities = await exactSimilarities(twins)
    const values = await similarities.compute(some.data.subarray(0, 64 * wide), 64)
    const uneven = Array.from(
      { length: 64 },
      (_, row) => new Set(values.subarray(row * rows, (row + 1) * rows)).size,
    ).filter((size) => size > 20)
    expect(uneven).toEqual([])
    await similarities.dispose()
  })

  it('stops at the signal', async () => {
    await expect(exactTopK(queries, gallery, 5, { signal: AbortSignal.abort() })).rejects.toThrow()
  })
})
