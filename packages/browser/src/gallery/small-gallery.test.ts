import { createEmbeddings, createRandom } from '@lookalike/core'
import { describe, expect, it, vi } from 'vitest'
import { createComparison } from './comparison.js'
import { quantiseRows, readGalleryRows, writeGalleryRows } from './gallery-rows.js'
import { createSmallGallery } from './small-gallery.js'

const random = createRandom('small gallery')
/** A length that is no multiple of four. */
const DIM = 30
const unit = (rows: number) => {
  const data = Float32Array.from({ length: rows * DIM }, () => random.normal())
  for (let row = 0; row < rows; row++) {
    const length = Math.hypot(...data.subarray(row * DIM, (row + 1) * DIM))
    for (let i = row * DIM; i < (row + 1) * DIM; i++) data[i]! /= length
  }
  return data
}
const query = (data: Float32Array, space = 's') =>
  createEmbeddings({ data, rows: 1, dim: data.length, space, role: 'query' })

describe('a small gallery', () => {
  const vectors = unit(500)
  const images = Array.from({ length: 500 }, (_, i) => ({ id: `${i}` }))
  const rows = readGalleryRows(writeGalleryRows(quantiseRows(vectors, DIM)), 500, DIM)
  const gallery = createSmallGallery(rows, images, 's')

  it('finds what the full vectors find, with distances that are off by little', () => {
    for (let q = 0; q < 20; q++) {
      const data = unit(1)
      const wanted = Array.from({ length: 500 }, (_, row) => ({
        id: `${row}`,
        distance: 1 - data.reduce((sum, value, i) => sum + value * vectors[row * DIM + i]!, 0),
      })).sort((a, b) => a.distance - b.distance)
      const found = gallery.search(query(data), { k: 10 })
      expect(found).toHaveLength(10)
      // Two that are nearly as far may change places.
      expect(wanted.slice(0, 12).map(({ id }) => id)).toEqual(expect.arrayContaining(found.map(({ id }) => id)))
      found.forEach(({ distance }, i) => expect(distance).toBeCloseTo(wanted[i]!.distance, 2))
    }
  })

  it('keeps to the threshold, and gives no more than there is', () => {
    const own = query(vectors.slice(0, DIM))
    expect(gallery.search(own, { threshold: 0.01 }).map(({ id }) => id)).toEqual(['0'])
    expect(gallery.search(own, { k: 1000 })).toHaveLength(500)
  })

  it('refuses queries of another space and of another length, and files that are cut', () => {
    const code = (code: string) => expect.objectContaining({ code })
    expect(() => gallery.search(query(unit(1), 'other'))).toThrow(code('embeddings/space'))
    expect(() => gallery.search(query(new Float32Array(8)))).toThrow(code('embeddings/dim'))
    expect(() => readGalleryRows(writeGalleryRows(rows).subarray(1), 500, DIM)).toThrow(code('browser/gallery'))
  })

  it.each([5, 256, 2000])('sums up what 8 bits hold, of %i numbers, the largest sums too', (dim) => {
    const [all, mixed] = [new Float32Array(dim).fill(1), Float32Array.from({ length: dim }, () => random.normal())]
    const held = quantiseRows(Float32Array.from([...all, ...mixed]), dim)
    const compare = createComparison(held)
    for (const data of [all, mixed, all.map((value) => -value), new Float32Array(dim)]) {
      const found = compare(data)
      for (const row of [0, 1]) {
        const sum = data.reduce((total, value, i) => total + value * held.data[row * dim + i]! * held.scales[row]!, 0)
        expect(Math.abs(found[row]! - sum)).toBeLessThan(1e-4 * dim)
      }
    }
  })

  it('says what forbids WebAssembly', () => {
    vi.stubGlobal('WebAssembly', {})
    try {
      expect(() => createComparison(rows)).toThrow(expect.objectContaining({ code: 'browser/webassembly' }))
    } finally {
      vi.unstubAllGlobals()
    }
  })

  it('keeps rows of zeros', () => {
    const { data, scales } = quantiseRows(new Float32Array(8), 4)
    expect([...data, ...scales]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
  })
})
