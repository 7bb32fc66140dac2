import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Combiner,
  createEmbeddings,
  type EmbeddingCache,
  type Encoder,
  type ImageRequest,
  type Preprocessing,
  type Warning,
} from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodePng } from '../decode/encode-image.js'
import { modelOfCombiner, modelOfEncoder } from './create-model.js'
import { embedImages } from './embed-images.js'
import { openEmbeddingCache } from './open-embedding-cache.js'

const preprocessing: Preprocessing = {
  resize: { mode: 'squash' },
  crop: { width: 2, height: 2 },
  interpolation: 'bilinear',
  background: [255, 255, 255],
  scale: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: 'rgb',
  layout: 'nchw',
}

/** Mean of each channel; counts what it is given. */
function channelMeans(name = 'means', factor = 1): Encoder & { encoded: number } {
  return {
    specVersion: 'v1',
    name,
    dim: 3,
    space: `${name}/1`,
    input: { kind: 'pixels', preprocessing },
    batchSize: 2,
    encoded: 0,
    async encode(batch) {
      if (batch.kind !== 'pixels') throw new Error('pixels wanted')
      this.encoded += batch.count
      const data = Float32Array.from(
        { length: batch.count * 3 },
        (_, i) => (batch.data.subarray(i * 4, i * 4 + 4).reduce((sum, v) => sum + v, 0) / 4) * factor,
      )
      return createEmbeddings({ data, rows: batch.count, dim: 3, space: this.space, role: 'any' })
    },
    dispose: async () => undefined,
  }
}
const solid = (r: number, g: number, b: number) => ({
  width: 4,
  height: 4,
  data: Uint8Array.from({ length: 48 }, (_, i) => [r, g, b][i % 3]!),
})

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-embed-'))
})
afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.close()
  await rm(folder, { recursive: true, force: true })
})
const caches: EmbeddingCache[] = []
const openCache = async (space: string, dim: number) => {
  const cache = await openEmbeddingCache(path.join(folder, 'cache'), space, dim)
  caches.push(cache)
  return cache
}
const file = async (name: string, bytes: Uint8Array | string) => {
  await writeFile(path.join(folder, name), bytes)
  return { source: path.join(folder, name) }
}

describe('embedImages', () => {
  it('gives one row an image, in order', async () => {
    const images = [solid(1, 2, 3), solid(4, 5, 6), solid(7, 8, 9)].map((source) => ({ source }))
    const { embeddings, positions } = await embedImages(channelMeans(), images)
    expect([...embeddings.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect([...positions]).toEqual([0, 1, 2])
  })

  it('pays only for images whose content is new', async () => {
    const images: ImageRequest[] = await Promise.all(
      [1, 2, 3].map(async (n) => file(`${n}.png`, await encodePng(solid(n, n, n)))),
    )
    const first = channelMeans()
    const before = await embedImages(first, images, { openCache })
    expect(first.encoded).toBe(3)
    // A copy under another name has the same content.
    const copy = await file('copy.png', await encodePng(solid(2, 2, 2)))
    const added = await file('4.png', await encodePng(solid(4, 4, 4)))
    const second = channelMeans()
    const after = await embedImages(second, [added, ...images, copy, { ...copy }, added], { openCache })
    expect(second.encoded).toBe(1)
    expect([...after.embeddings.data.subarray(3, 12)]).toEqual([...before.embeddings.data])
    expect([...after.embeddings.data.subarray(12)]).toEqual([2, 2, 2, 2, 2, 2, 4, 4, 4])
    // Another space, and another box of the image, are other embeddings.
    const other = channelMeans('other')
    await embedImages(other, images, { openCache })
    expect(other.encoded).toBe(3)
    const boxed = channelMeans()
    await embedImages(boxed, [{ ...copy, box: { x: 0, y: 0, width: 0.5, height: 1 } }], { openCache })
    expect(boxed.encoded).toBe(1)
  })

  it.each([[true], [false]])('names unreadable images and goes on, or fails, as asked (cache: %s)', async (cached) => {
    const cacheOption = cached ? { openCache } : {}
    const images = [
      await file('good.png', await encodePng(solid(5, 5, 5))),
      await file('text.jpg', 'this is no picture'),
      { source: path.join(folder, 'gone.png') },
      await file('empty.png', ''),
      { source: folder },
      await file('fine.png', await encodePng(solid(6, 6, 6))),
    ]
    const warnings: Warning[] = []
    const { embeddings, positions } = await embedImages(channelMeans(), images, {
      ...cacheOption,
      onWarning: (warning) => warnings.push(warning),
    })
    expect([...positions]).toEqual([0, 5])
    expect([...embeddings.data]).toEqual([5, 5, 5, 6, 6, 6])
    expect(warnings).toHaveLength(4)
    for (const name of ['text.jpg', 'gone.png', 'empty.png'])
      expect(warnings.some(({ message }) => message.includes(name))).toBe(true)
    await expect(embedImages(channelMeans(), images, { ...cacheOption, onCorrupt: 'fail' })).rejects.toMatchObject({
      code: expect.stringMatching(/^image\//) as unknown,
    })
  })

  it.each([true, false])(
    'names the image of an embedding that is not finite (noticed by the encoder: %s)',
    async (noticed) => {
      const broken = channelMeans('broken', Number.NaN)
      const encode = broken.encode.bind(broken)
      if (!noticed)
        broken.encode = async (batch) =>
          encode(batch).catch(() => ({
            data: new Float32Array(6).fill(Number.NaN),
            rows: 2,
            dim: 3,
            space: broken.space,
            role: 'any' as const,
          }))
      const images = [
        await file('a.png', await encodePng(solid(1, 1, 1))),
        await file('b.png', await encodePng(solid(2, 2, 2))),
      ]
      await expect(embedImages(broken, images)).rejects.toMatchObject({
        code: 'embeddings/not-finite',
        message: expect.stringContaining('a.png') as unknown,
      })
    },
  )

  it('refuses an encoder whose answer does not fit', async () => {
    const wrong = channelMeans()
    wrong.encode = async () =>
      createEmbeddings({ data: new Float32Array(3), rows: 1, dim: 3, space: 'means/1', role: 'any' })
    await expect(embedImages(wrong, [{ source: solid(1, 1, 1) }, { source: solid(1, 1, 1) }])).rejects.toMatchObject({
      code: 'encoder/output',
    })
  })

  it('stops at the signal', async () => {
    await expect(
      embedImages(channelMeans(), [{ source: solid(1, 1, 1) }], { signal: AbortSignal.abort() }),
    ).rejects.toThrow()
  })
})

describe('models', () => {
  const images = [solid(1, 0, 0), solid(0, 1, 0)].map((source) => ({ source }))

  it('of an encoder embed both roles once', async () => {
    const encoder = channelMeans()
    const model = modelOfEncoder(encoder)
    const query = await model.embed(images, 'query')
    expect(await model.embed(images, 'gallery')).toEqual(query)
    expect(encoder.encoded).toBe(2)
  })

  it('of a combiner let each role see its own encoders only', async () => {
    const [light, heavy, shared] = [channelMeans('light'), channelMeans('heavy', 2), channelMeans('shared', 3)]
    const sum = (matrices: readonly { data: Float32Array; rows: number }[]) =>
      Float32Array.from(matrices[0]!.data, (_, i) => matrices.reduce((total, { data }) => total + data[i]!, 0))
    const combiner: Combiner = {
      specVersion: 'v1',
      name: 'sum',
      dim: 3,
      space: 'sum/1',
      queryEncoders: [light, shared],
      galleryEncoders: [heavy, shared],
      combineQuery: async (members) => ({
        embeddings: createEmbeddings({
          data: sum(members),
          rows: members[0]!.rows,
          dim: 3,
          space: 'sum/1',
          role: 'query',
        }),
      }),
      combineGallery: async (members) => ({
        embeddings: createEmbeddings({
          data: sum(members),
          rows: members[0]!.rows,
          dim: 3,
          space: 'sum/1',
          role: 'gallery',
        }),
        uncertainty: new Float32Array(members[0]!.rows).fill(0.5),
      }),
      dispose: async () => undefined,
    }
    const model = modelOfCombiner(combiner)
    expect([...(await model.embed(images, 'query')).embeddings.data]).toEqual([4, 0, 0, 0, 4, 0])
    expect(heavy.encoded).toBe(0)
    const gallery = await model.embed(images, 'gallery')
    expect([...gallery.embeddings.data]).toEqual([5, 0, 0, 0, 5, 0])
    expect([...gallery.uncertainty!]).toEqual([0.5, 0.5])
    expect([light.encoded, heavy.encoded, shared.encoded]).toEqual([2, 2, 2])
  })

  it('of a combiner leave out an image that one member cannot read', async () => {
    const strict = channelMeans('strict')
    // A member that takes bytes needs a file that is one.
    const bytes: Encoder = {
      ...channelMeans('bytes'),
      space: 'bytes/1',
      input: { kind: 'pixels', preprocessing: { ...preprocessing, crop: { width: 4, height: 4 } } },
      encode: async (batch) =>
        createEmbeddings({
          data: new Float32Array((batch.kind === 'pixels' ? batch.count : 0) * 3).fill(1),
          rows: batch.kind === 'pixels' ? batch.count : 0,
          dim: 3,
          space: 'bytes/1',
          role: 'any',
        }),
    }
    const combine = async (members: readonly { rows: number; data: Float32Array }[]) => ({
      embeddings: createEmbeddings({
        data: members[0]!.data,
        rows: members[0]!.rows,
        dim: 3,
        space: 'c',
        role: 'any' as never,
      }),
    })
    const model = modelOfCombiner({
      specVersion: 'v1',
      name: 'c',
      dim: 3,
      space: 'c',
      queryEncoders: [strict, bytes],
      galleryEncoders: [strict, bytes],
      combineQuery: combine,
      combineGallery: combine,
      dispose: async () => undefined,
    })
    const flaky = await file('flaky.png', await encodePng(solid(9, 9, 9)))
    const encode = strict.encode.bind(strict)
    strict.encode = async (batch, options) => {
      // Gone before the second member gets to it.
      await rm(flaky.source, { force: true })
      return encode(batch, options)
    }
    const { positions, embeddings } = await model.embed(
      [{ source: solid(1, 1, 1) }, flaky, { source: solid(2, 2, 2) }],
      'query',
    )
    expect([...positions]).toEqual([0, 2])
    expect([...embeddings.data]).toEqual([1, 1, 1, 2, 2, 2])
  })
})
