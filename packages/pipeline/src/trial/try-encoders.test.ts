import { createEmbeddings, createRandom, type DatasetItem, type Encoder, type RawImage } from '@lookalike/core'
import { expect, it } from 'vitest'
import { drawImages } from './draw-images.js'
import { tryEncoders } from './try-encoders.js'

/** Embeds the one pixel of an image: as direction red to green, or, blind, as what stands in its blue. */
function encoderOf(name: string, angleOf: (red: number, blue: number) => number): Encoder {
  return {
    specVersion: 'v1',
    name,
    dim: 2,
    space: `${name}/1`,
    batchSize: 16,
    input: {
      kind: 'pixels',
      preprocessing: {
        resize: { mode: 'squash' },
        crop: { width: 1, height: 1 },
        interpolation: 'box',
        background: [255, 255, 255],
        scale: 1,
        mean: [0, 0, 0],
        std: [1, 1, 1],
        channels: 'rgb',
        layout: 'nchw',
      },
    },
    encode: async (batch) => {
      if (batch.kind !== 'pixels') throw new Error('pixels wanted')
      const data = new Float32Array(batch.count * 2)
      for (let row = 0; row < batch.count; row++) {
        const angle = angleOf(batch.data[row * 3]!, batch.data[row * 3 + 2]!)
        data.set([Math.cos(angle), Math.sin(angle)], row * 2)
      }
      return createEmbeddings({ data, rows: batch.count, dim: 2, space: `${name}/1`, role: 'any' })
    },
    dispose: async () => undefined,
  }
}

const seeing = encoderOf('seeing', (red) => red / 100)
const blind = encoderOf('blind', (_, blue) => blue / 100)

/** Classes by red; blue means nothing. */
function itemsOf(classes: number, each: number): DatasetItem[] {
  const random = createRandom(2)
  return Array.from({ length: classes * each }, (_, at) => {
    const label = Math.floor(at / each)
    const source: RawImage = { width: 1, height: 1, data: Uint8Array.of(label * 20, 0, random.integer(256)) }
    return { id: String(at), source, label: `class ${label}`, split: 'test', isQuery: true, isGallery: true }
  })
}

it('measures encoders on the same few images and says which is clearly the best', async () => {
  const trial = await tryEncoders(itemsOf(12, 30), [blind, seeing], { images: 60 })
  expect(trial).toMatchObject({
    images: 60,
    all: { images: 360, classes: 12 },
    encoders: [
      { name: 'blind', clearlyBest: false },
      { name: 'seeing', recall: 1, clearlyBest: true },
    ],
  })
  expect(trial.classes).toBe(8)
  // Seven classes of eight and what is left, four: 7 or 3 right ones among the other 59.
  expect(trial.chance).toBeCloseTo((56 * 7 + 4 * 3) / 60 / 59, 10)
  expect(trial.encoders[0]!.recall).toBeLessThan(0.4)
  const alike = await tryEncoders(itemsOf(4, 3), [seeing, encoderOf('twin', (red) => red / 100)])
  expect(alike).toMatchObject({ images: 12, classes: 4, encoders: [{ clearlyBest: false }, { clearlyBest: false }] })
})

it('draws whole classes before it draws more of them, and each seed its own', () => {
  const items = itemsOf(3, 20)
  const draw = (most: number, seed = 0) => drawImages(items, most, createRandom(seed)).drawn
  const sizes = (most: number) => {
    const counts = new Map<string, number>()
    for (const { label } of draw(most)) counts.set(label, (counts.get(label) ?? 0) + 1)
    return [...counts.values()].sort((a, b) => a - b)
  }
  expect(sizes(17)).toEqual([8, 9])
  expect(sizes(18)).toEqual([2, 8, 8])
  expect(sizes(30)).toEqual([10, 10, 10])
  expect(sizes(500)).toEqual([20, 20, 20])
  expect(draw(18)).not.toEqual(draw(18, 1))
})

it('names images that cannot be read once, and refuses where no two of a class are left', async () => {
  const items = itemsOf(2, 3)
  const broken = (at: number): DatasetItem => ({ ...items[at]!, source: new Uint8Array([1, 2, 3]) })
  const warnings: string[] = []
  const options = { onWarning: ({ code }: { code: string }) => void warnings.push(code) }
  const some = [broken(0), ...items.slice(1)]
  expect(await tryEncoders(some, [seeing, blind], options)).toMatchObject({ images: 5, classes: 2 })
  expect(warnings).toHaveLength(1)
  await expect(
    tryEncoders(
      items.map((_, at) => broken(at)),
      [seeing],
    ),
  ).rejects.toMatchObject({
    code: 'trial/no-classes',
    fields: { images: 6, unreadable: 6 },
  })
  await expect(tryEncoders([items[0]!, items[3]!], [seeing])).rejects.toMatchObject({ code: 'trial/no-classes' })
  await expect(tryEncoders(items.slice(0, 3), [seeing])).rejects.toMatchObject({
    code: 'trial/one-class',
    fields: { images: 3 },
  })
})
