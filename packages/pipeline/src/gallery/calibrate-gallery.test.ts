import {
  createEmbeddings,
  createRandom,
  createRanking,
  type DatasetItem,
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  type ImageRequest,
  type RawImage,
  type Reranker,
} from '@lookalike/core'
import { hashImage } from '@lookalike/image'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CalibrationParts, calibrateNoMatch, calibrateRejection } from './calibrate-gallery.js'

const DIM = 3
const random = createRandom('calibrate')
/** The mean colour is the embedding: classes are directions with noise. */
const picture = (label: number, noise = 0.25): RawImage => {
  const colour = [0, 1, 2].map((i) => (i === label ? 1 : 0) + noise * random.normal())
  const length = Math.hypot(...colour)
  return {
    width: 1,
    height: 1,
    data: Uint8Array.from(colour, (value) => Math.max(0, Math.round((200 * value) / length))),
  }
}
const images = Array.from({ length: 60 }, (_, i) => ({ label: `class ${i % 3}`, source: picture(i % 3) }))
const rowsOf = (given: readonly ImageRequest[]): Embeddings => {
  const data = new Float32Array(given.length * DIM)
  given.forEach(({ source }, row) => {
    const pixel = (source as RawImage).data
    const length = Math.hypot(...pixel)
    pixel.forEach((value, i) => (data[row * DIM + i] = value / length))
  })
  return createEmbeddings({ data, rows: given.length, dim: DIM, space: 'colour', role: 'any' })
}
const embed = async (given: readonly ImageRequest[]) => ({
  embeddings: rowsOf(given),
  positions: Int32Array.from(given, (_, i) => i),
})

let entries: GalleryEntry[] = []
beforeAll(async () => {
  entries = await Promise.all(
    images.map(async ({ label, source }, position) => ({
      id: String(position),
      hash: await hashImage({ source }),
      metadata: { label },
      uncertainty: position / 60,
      rejected: false,
    })),
  )
})

/** As much of a gallery as calibration asks for. */
function galleryOf(of: readonly GalleryEntry[]): Gallery {
  const vectors = rowsOf(images)
  return {
    name: 'photos',
    base: 'photos',
    space: 'colour',
    dim: DIM,
    count: async () => of.length,
    page: async () => ({ entries: of }),
    search: async (queries: Embeddings, k: number) =>
      Array.from({ length: queries.rows }, (_, row) =>
        of
          .map((entry) => {
            const position = Number(entry.id)
            const vector = vectors.data.slice(position * DIM, (position + 1) * DIM)
            let product = 0
            for (let i = 0; i < DIM; i++) product += queries.data[row * DIM + i]! * vector[i]!
            return { entry, distance: Math.fround(1 - product), vector }
          })
          .sort((a, b) => a.distance - b.distance)
          .slice(0, k),
      ),
  } as Partial<Gallery> as Gallery
}
const items = images.map(
  ({ label, source }, i): DatasetItem => ({
    id: String(i),
    label,
    source,
    split: 'validation',
    isQuery: true,
    isGallery: true,
  }),
)
const parts = (more: Partial<CalibrationParts> = {}): CalibrationParts => ({
  gallery: galleryOf(entries),
  embed: embed as CalibrationParts['embed'],
  rerankers: [],
  items,
  split: 'validation',
  ...more,
})

describe('a distance from which on there is no match', () => {
  it('is where so few queries find something outside their class', async () => {
    const found = await calibrateNoMatch(parts(), 0.1)
    // By hand: the nearest image of another class, and of any class but the query itself.
    const vectors = rowsOf(images)
    const nearestOf = (counts: (row: number, column: number) => boolean) =>
      images.map((_, row) =>
        Math.min(
          ...images.map((_, column) => {
            let product = 0
            for (let i = 0; i < DIM; i++) product += vectors.data[row * DIM + i]! * vectors.data[column * DIM + i]!
            return counts(row, column) ? Math.fround(1 - product) : Infinity
          }),
        ),
      )
    const nearest = nearestOf((row, column) => images[row]!.label !== images[column]!.label)
    expect(found.threshold).toBe(nearest.toSorted((a, b) => a - b)[Math.floor(0.1 * 61) - 1])
    expect(found.falseMatches).toBeLessThanOrEqual(0.1)
    const mated = nearestOf((row, column) => row !== column)
    expect(found.missed).toBeCloseTo(mated.filter((distance) => distance >= found.threshold).length / 60, 9)
    const strict = await calibrateNoMatch(parts(), 0.02)
    expect(strict.missed).toBeGreaterThan(0)
  })

  it('is in the distances of the last reranker', async () => {
    const seen: number[] = []
    const reranker: Reranker = {
      specVersion: 'v1',
      name: 'halves',
      needs: 'embeddings',
      topN: 2,
      rerank: async ({ ranking: { positions, distances } }) => {
        seen.push(positions.length)
        return {
          ranking: createRanking(
            positions,
            distances.map((distance) => distance / 2),
          ),
          warnings: [],
        }
      },
      dispose: async () => undefined,
    }
    const plain = await calibrateNoMatch(parts(), 0.1)
    const halved = await calibrateNoMatch(parts({ rerankers: [reranker] }), 0.1)
    expect(halved.threshold).toBeCloseTo(plain.threshold / 2, 6)
    expect(new Set(seen)).toEqual(new Set([2]))
  })

  it('needs enough labelled queries and labelled images', async () => {
    await expect(calibrateNoMatch(parts(), 0.01)).rejects.toMatchObject({ code: 'metrics/target' })
    await expect(calibrateNoMatch(parts({ split: 'test' }), 0.1)).rejects.toMatchObject({
      code: 'search/no-calibration',
      message: expect.stringContaining('--evaluate.calibration') as unknown,
    })
    const bare = galleryOf(entries.map((entry) => ({ ...entry, metadata: undefined }) as unknown as GalleryEntry))
    await expect(calibrateNoMatch(parts({ gallery: bare }), 0.1)).rejects.toMatchObject({
      code: 'search/no-calibration',
    })
  })
})

describe('an uncertainty up to which images stay', () => {
  it('is one at which the calibration queries err so rarely, and no lower than it must be', async () => {
    const threshold = await calibrateRejection(parts(), 0.1)
    expect(threshold).toBeGreaterThan(0)
    // By hand: wrong first results among what stays, of all queries.
    const errors = async (limit: number) => {
      const gallery = galleryOf(entries.filter(({ uncertainty }) => uncertainty! <= limit))
      let wrong = 0
      for (const [row, { label, source }] of images.entries()) {
        const [hits] = await gallery.search(rowsOf([{ source }]), 2)
        const first = hits!.find(({ entry }) => entry.id !== String(row))
        if (first && first.entry.metadata!['label'] !== label) wrong++
      }
      return wrong / 60
    }
    expect(await errors(threshold)).toBeLessThanOrEqual(0.1)
    expect(await calibrateRejection(parts(), 0.9)).toBe(Infinity)
  })

  it('refuses a gallery without uncertainties', async () => {
    const sure = galleryOf(entries.map((entry) => ({ ...entry, uncertainty: undefined }) as unknown as GalleryEntry))
    await expect(calibrateRejection(parts({ gallery: sure }), 0.1)).rejects.toMatchObject({
      code: 'gallery/no-uncertainty',
    })
  })
})
