import { cp, mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, type Encoder, type Gallery, galleryEntries, type Warning } from '@lookalike/core'
import { encodePng, imagesOfDataset, openEmbeddingCache } from '@lookalike/image'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { addImages } from './add-images.js'
import { openGallery } from './open-gallery.js'
import { searchImages } from './search-images.js'

const opened: string[] = []
vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof import('node:fs/promises')>()
  const seen = (file: unknown) => void opened.push(String(file))
  return {
    ...real,
    open: (...args: Parameters<typeof real.open>) => (seen(args[0]), real.open(...args)),
    readFile: (...args: Parameters<typeof real.readFile>) => (seen(args[0]), real.readFile(...args)),
  }
})

/** Mean red, green and blue of an image, of length 1. */
const encoder: Encoder = {
  specVersion: 'v1',
  name: 'means',
  dim: 3,
  space: 'means/1',
  input: {
    kind: 'pixels',
    preprocessing: {
      resize: { mode: 'squash' },
      crop: { width: 1, height: 1 },
      interpolation: 'box',
      background: [255, 255, 255],
      scale: 1 / 255,
      mean: [0, 0, 0],
      std: [1, 1, 1],
      channels: 'rgb',
      layout: 'nchw',
    },
  },
  batchSize: 4,
  encode: async (batch) => {
    if (batch.kind !== 'pixels') throw new Error('pixels wanted')
    const data = batch.data.map((value, i, all) => value / Math.hypot(...all.subarray(i - (i % 3), i - (i % 3) + 3)))
    return createEmbeddings({ data, rows: batch.count, dim: 3, space: 'means/1', role: 'any' })
  },
  dispose: async () => undefined,
}

const before = process.cwd()
let home = ''
let shop = ''
beforeAll(async () => {
  home = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-add-')))
})
afterAll(() => rm(home, { recursive: true, force: true }))
beforeEach(async () => {
  shop = await mkdtemp(path.join(home, 'shop-'))
  for (const name of ['cat/1', 'cat/2', 'cat/3', 'dog/1', 'dog/2', 'dog/3']) await put(`photos/${name}.png`, name)
  opened.length = 0
})
afterEach(() => process.chdir(before))

async function put(name: string, seed: string) {
  const file = path.join(shop, name)
  await mkdir(path.dirname(file), { recursive: true })
  const colour = [...seed].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 0xffffff, 7)
  const pixel = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255]
  await writeFile(
    file,
    await encodePng({ width: 2, height: 2, data: Uint8Array.from({ length: 12 }, (_, i) => pixel[i % 3]!) }),
  )
}

async function using<T>(work: (gallery: Gallery) => Promise<T>, folder = path.join(shop, 'gallery')): Promise<T> {
  const gallery = await openGallery(folder, encoder)
  try {
    return await work(gallery)
  } finally {
    await gallery.close()
  }
}
const ids = async (gallery: Gallery) => (await galleryEntries(gallery)).map(({ id }) => id).sort()
const SIX = ['cat/1', 'cat/2', 'cat/3', 'dog/1', 'dog/2', 'dog/3'].map((name) => `photos/${name}.png`)

describe('one image, one id', () => {
  it('from every working directory, by relative, absolute and linked paths, whole folders and single files', async () => {
    await symlink(shop, path.join(home, `${path.basename(shop)}-link`))
    const link = path.join(home, `${path.basename(shop)}-link`)
    const ways: [string, string][] = [
      [shop, './photos'],
      [shop, 'photos/'],
      [path.join(shop, 'photos'), '.'],
      [path.join(shop, 'photos', 'cat'), '..'],
      [home, path.join(shop, 'photos')],
      [home, path.join(link, 'photos')],
      [link, 'photos/dog/1.png'],
    ]
    for (const [at, given] of ways) {
      process.chdir(at)
      const result = await using((gallery) => addImages(gallery, encoder, given))
      expect(result, given).toMatchObject({ images: 6, replaced: 0, updated: 0, removed: 0 })
      expect(await using(ids)).toEqual(SIX)
    }
    // Also through a gallery that is reached by a link.
    const linked = await using((gallery) => addImages(gallery, encoder, shop), path.join(link, 'gallery'))
    expect(linked).toMatchObject({ images: 6, unchanged: 6 })
  })

  it('through a dataset, whose own ids count only where they are no paths', async () => {
    const item = (id: string, file: string) => ({
      id,
      source: path.join(shop, 'photos', file),
      label: file.split('/')[0]!,
      split: 'test' as const,
      isQuery: true,
      isGallery: true,
    })
    const items = SIX.map((id) => item(id.slice('photos/'.length), id.slice('photos/'.length)))
    const dataset = (of: typeof items) => imagesOfDataset({ specVersion: 'v1', name: 'd', items: of })
    await using(async (gallery) => {
      await addImages(gallery, encoder, path.join(shop, 'photos'))
      expect(await addImages(gallery, encoder, dataset(items))).toMatchObject({ images: 6, updated: 6, added: 0 })
      expect(await ids(gallery)).toEqual(SIX)
      expect((await gallery.get(['photos/cat/1.png']))[0]?.metadata).toEqual({ label: 'cat', split: 'test' })
      expect(await addImages(gallery, encoder, dataset(items))).toMatchObject({ unchanged: 6 })
      // A name given by its owner takes the place of the path, and a path then finds it.
      const named = [item('SKU-7', 'cat/1.png'), ...items.slice(1)]
      expect(await addImages(gallery, encoder, dataset(named))).toMatchObject({ images: 6, added: 1, unchanged: 5 })
      expect(await ids(gallery)).toEqual(['SKU-7', ...SIX.slice(1)])
      expect(await addImages(gallery, encoder, path.join(shop, 'photos'))).toMatchObject({ images: 6, unchanged: 6 })
      // Parts of one image are images of their own.
      const box = { x: 0, y: 0, width: 0.5, height: 1 }
      const parts = [{ ...item('cat/1.png#0,0,1,2', 'cat/1.png'), box }]
      expect(await addImages(gallery, encoder, dataset(parts))).toMatchObject({ images: 7, added: 1 })
      expect(await ids(gallery)).toContain('photos/cat/1.png#0,0,1,2')
    })
  })

  it('in a gallery that was copied, with its images and without', async () => {
    await using((gallery) => addImages(gallery, encoder, path.join(shop, 'photos')))
    const beside = path.join(home, `${path.basename(shop)}-copy`)
    await cp(shop, beside, { recursive: true })
    const whole = await using(
      (gallery) => addImages(gallery, encoder, path.join(beside, 'photos')),
      path.join(beside, 'gallery'),
    )
    expect(whole).toMatchObject({ images: 6, unchanged: 6 })
    const alone = path.join(home, 'far', 'away', path.basename(shop))
    await cp(path.join(shop, 'gallery'), alone, { recursive: true })
    await using(async (gallery) => {
      expect(await addImages(gallery, encoder, path.join(shop, 'photos'))).toMatchObject({ images: 6, added: 0 })
      expect(gallery.root).toBe(shop)
      expect(path.resolve(alone, (await gallery.get(['photos/dog/3.png']))[0]!.source!)).toBe(
        path.join(shop, 'photos/dog/3.png'),
      )
    }, alone)
    expect(await using((gallery) => addImages(gallery, encoder, path.join(shop, 'photos')), alone)).toMatchObject({
      images: 6,
      unchanged: 6,
    })
  })

  it('refuses two images of one id, and pixels without one', async () => {
    await using(async (gallery) => {
      const twice = SIX.slice(0, 2).map((file) => ({ id: 'same', source: path.join(shop, file) }))
      await expect(addImages(gallery, encoder, twice)).rejects.toMatchObject({ code: 'index/duplicate-id' })
      const pixels = { source: { width: 1, height: 1, data: new Uint8Array(3).fill(9) } }
      await expect(addImages(gallery, encoder, [pixels])).rejects.toMatchObject({ code: 'index/no-id' })
      expect(await addImages(gallery, encoder, [{ ...pixels, id: 'grey' }])).toMatchObject({ added: 1 })
    })
  })
})

describe('searchImages', () => {
  it('finds an image by itself, and refuses one that cannot be read', async () => {
    await using(async (gallery) => {
      await addImages(gallery, encoder, path.join(shop, 'photos'))
      const file = path.join(shop, 'photos/dog/2.png')
      const [found] = await searchImages(gallery, encoder, [file], 3)
      expect(found).toHaveLength(3)
      expect(found![0]).toMatchObject({ entry: { id: 'photos/dog/2.png' }, distance: expect.closeTo(0, 5) as unknown })
      await writeFile(file, 'no picture')
      await expect(searchImages(gallery, encoder, [file], 3)).rejects.toMatchObject({ code: 'image/unsupported' })
    })
  })
})

describe('what it costs', () => {
  it('each image is opened once, from disk to vector, cache and gallery', async () => {
    const cache = openEmbeddingCache(path.join(shop, 'cache'), encoder.space, encoder.dim)
    const photos = path.join(shop, 'photos')
    const opens = () => opened.filter((file) => file.startsWith(photos)).sort()
    await using(async (gallery) => {
      await addImages(gallery, encoder, photos, { openCache: () => cache })
      expect(opens()).toEqual(SIX.map((id) => path.join(shop, id)))
      opened.length = 0
      await addImages(gallery, encoder, photos, { openCache: () => cache })
      expect(opens()).toHaveLength(6)
    })
    await (await cache).close()
  })

  it('changed images are replaced, gone ones are taken out when asked', async () => {
    await using(async (gallery) => {
      const photos = path.join(shop, 'photos')
      await addImages(gallery, encoder, photos)
      await put('photos/cat/1.png', 'another')
      await rename(path.join(shop, 'photos/cat/2.png'), path.join(shop, 'photos/cat/9.png'))
      expect(await addImages(gallery, encoder, photos)).toMatchObject({ images: 7, replaced: 1, added: 1 })
      expect(await addImages(gallery, encoder, photos, { prune: true })).toMatchObject({ images: 6, removed: 1 })
    })
  })
})

describe('what cannot be read', () => {
  it('is named, and the rest goes on', async () => {
    await writeFile(path.join(shop, 'photos/cat/text.jpg'), 'no picture')
    await writeFile(path.join(shop, 'photos/cat/empty.jpg'), '')
    await writeFile(path.join(shop, 'photos/phone.jxl'), '')
    const warnings: Warning[] = []
    const result = await using((gallery) =>
      addImages(gallery, encoder, path.join(shop, 'photos'), { onWarning: (warning) => warnings.push(warning) }),
    )
    expect(result).toMatchObject({
      added: 6,
      skipped: [
        { id: 'photos/cat/empty.jpg', code: 'image/empty' },
        { id: 'photos/cat/text.jpg', code: 'image/unsupported' },
      ],
    })
    expect(result.leftOut).toEqual([{ kind: 'format', path: `${path.join(shop, 'photos')}/phone.jxl` }])
    expect(warnings.map(({ code }) => code).sort()).toEqual(['image/empty', 'image/left-out', 'image/unsupported'])
  })

  it('is an error when there is nothing else', async () => {
    await mkdir(path.join(shop, 'phone'))
    await writeFile(path.join(shop, 'phone/1.jxl'), '')
    await mkdir(path.join(shop, 'broken'))
    await writeFile(path.join(shop, 'broken/1.jpg'), 'text')
    await using(async (gallery) => {
      await expect(addImages(gallery, encoder, path.join(shop, 'phone'))).rejects.toMatchObject({
        code: 'index/no-images',
        message: expect.stringMatching(/1 picture .*1\.jxl\. ./) as unknown,
      })
      await expect(addImages(gallery, encoder, path.join(shop, 'broken'))).rejects.toMatchObject({
        code: 'index/nothing-readable',
        message: expect.stringContaining('1.jpg') as unknown,
      })
    })
  })
})
