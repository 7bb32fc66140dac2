import { createEmbeddings, createRandom } from '@lookalike/core'
import { describe, expect, it } from 'vitest'
import { memoryGallery } from '../testing/memory-gallery.js'
import type { mapInWorker } from './map-in-worker.js'
import { mapLayout } from './map-layout.js'
import { createOverview } from './overview.js'
import { principalPlane } from './principal-plane.js'
import { umapLayout } from './umap-layout.js'

async function galleryOf(vectors: Readonly<Record<string, readonly [number, number, number]>>) {
  const gallery = memoryGallery('/nowhere')
  const items = Object.keys(vectors).map((id) => ({ id, hash: id, metadata: { name: id } }))
  const data = Float32Array.from(Object.values(vectors).flat())
  const embeddings = createEmbeddings({ data, rows: items.length, dim: 3, space: 'colours/1', role: 'gallery' })
  await gallery.add(items, { embeddings })
  return gallery
}

/** The thread runs the built package: here the same layouts without it. */
const here: typeof mapInWorker = async (layout, sample, dim) => {
  const { place } = mapLayout(layout, sample, dim)
  return { place: async (vectors) => place(vectors), dispose: async () => undefined }
}

describe('principalPlane', () => {
  it('finds the two directions that rows were spread out in, the wider one first', () => {
    const dim = 9
    const random = createRandom('plane')
    const centred = () => random.next() - 0.5
    const data = new Float32Array(900 * dim)
    for (let row = 0; row < 900; row++) {
      const [wide, narrow] = [10 * centred(), 4 * centred()]
      for (let j = 0; j < dim; j++) data[row * dim + j] = 5 + 0.1 * centred()
      data[row * dim + 2]! += wide
      data[row * dim + 7]! += narrow
    }
    const { mean, axes } = principalPlane(data, dim)
    expect(mean[0]).toBeCloseTo(5, 1)
    expect(Math.abs(axes[0]![2]!)).toBeGreaterThan(0.999)
    expect(Math.abs(axes[1]![7]!)).toBeGreaterThan(0.999)
  })

  it('is no number of nothing', () => {
    const { axes } = principalPlane(new Float32Array(12).fill(1), 3)
    expect(axes.flatMap((axis) => [...axis]).every(Number.isFinite)).toBe(true)
  })
})

describe('createOverview', () => {
  const vectors = { a: [1, 0, 0], b: [0.99, 0.14, 0], c: [0, 1, 0], d: [0, 0, 1] } as const

  it('places images so that near ones lie near, and is made anew when the gallery changes', async () => {
    const gallery = await galleryOf(vectors)
    let version = 0
    const { map } = createOverview(gallery, () => version, here)
    const { ids, points, values } = await map({ key: 'name' })
    expect(ids).toEqual(['a', 'b', 'c', 'd'])
    expect(values).toEqual(['a', 'b', 'c', 'd'])
    const apart = (i: number, j: number) =>
      Math.hypot(points[2 * i]! - points[2 * j]!, points[2 * i + 1]! - points[2 * j + 1]!)
    expect(apart(0, 1)).toBeLessThan(apart(0, 2) / 2)
    expect(Math.max(...points.map(Math.abs))).toBe(1)
    await gallery.update([{ id: 'b', rejected: true }])
    expect((await map({})).ids).toHaveLength(4)
    version++
    expect((await map({})).ids).toEqual(['a', 'c', 'd'])
  })

  it('maps nothing where there is nothing', async () => {
    const { map } = createOverview(await galleryOf(vectors), () => 0, here)
    expect(await map({ filter: { name: 'nobody' } })).toEqual({ ids: [], points: [] })
  })

  it('tells what repeats what; a repeat hides nothing itself', async () => {
    const chain = { a: [1, 0, 0], b: [0.96, 0.28, 0], c: [0.843, 0.538, 0] } as const
    const { near } = createOverview(await galleryOf(chain), () => 0, here)
    expect(await near(['a', 'b', 'c'], 0.05)).toEqual(['a', 'a', 'c'])
    expect(await near(['c', 'b', 'a'], 0.05)).toEqual(['c', 'c', 'a'])
    expect(await near(['a', 'b', 'c'], 0)).toEqual(['a', 'b', 'c'])
  })
})

describe('umapLayout', () => {
  const dim = 24
  /** Groups around directions of their own. */
  const rowsOf = (count: number, seed: string) => {
    const random = createRandom(seed)
    return Float32Array.from({ length: count * dim }, (_, i) => {
      const [row, d] = [Math.floor(i / dim), i % dim]
      return (d === row % 6 ? 1 : 0) + 0.1 * (random.next() - 0.5)
    })
  }

  it('keeps together what is near, in the sample and beside it, the same way every time', () => {
    const layout = umapLayout(rowsOf(90, 'sample'), dim)
    const points = layout.place(rowsOf(60, 'others'))
    const apart = (i: number, j: number) =>
      Math.hypot(points[2 * i]! - points[2 * j]!, points[2 * i + 1]! - points[2 * j + 1]!)
    for (let i = 0; i < 60; i++) {
      const others = Array.from({ length: 60 }, (_, j) => j).filter((j) => j !== i)
      const nearest = others.reduce((best, j) => (apart(i, j) < apart(i, best) ? j : best))
      expect(nearest % 6).toBe(i % 6)
    }
    const again = umapLayout(rowsOf(90, 'sample'), dim)
    expect(again.place(rowsOf(60, 'others'))).toEqual(points)
  })

  it.each([1, 2, 3, 4, 5, 20])('places %d equal images somewhere', (count) => {
    const layout = umapLayout(new Float32Array(count * dim).fill(0.5), dim)
    const points = layout.place(new Float32Array(3 * dim).fill(0.5))
    expect([...points].every(Number.isFinite)).toBe(true)
    expect(points).toHaveLength(6)
  })
})
