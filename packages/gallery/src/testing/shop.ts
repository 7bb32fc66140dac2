import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, createRandom, type Encoder, type Gallery, type RawImage } from '@lookalike/core'
import { embedImages, encodePng, resizeImage } from '@lookalike/image'
import { addImages } from '../gallery/add-images.js'
import { openGallery } from '../gallery/open-gallery.js'

/** The colours of a grid of 4 x 4 cells around grey, of length 1. */
export const gridEncoder: Encoder = {
  specVersion: 'v1',
  name: 'grid',
  dim: 48,
  space: 'grid/1',
  input: {
    kind: 'pixels',
    preprocessing: {
      resize: { mode: 'squash' },
      crop: { width: 4, height: 4 },
      interpolation: 'box',
      background: [255, 255, 255],
      scale: 1 / 255,
      mean: [0.5, 0.5, 0.5],
      std: [1, 1, 1],
      channels: 'rgb',
      layout: 'nchw',
    },
  },
  batchSize: 8,
  encode: async (batch) => {
    if (batch.kind !== 'pixels') throw new Error('pixels wanted')
    const data = Float32Array.from(batch.data)
    for (let row = 0; row < batch.count; row++) {
      const values = data.subarray(row * 48, (row + 1) * 48)
      const length = Math.hypot(...values) || 1
      for (const [i, value] of values.entries()) values[i] = value / length
    }
    return createEmbeddings({ data, rows: batch.count, dim: 48, space: 'grid/1', role: 'any' })
  },
  dispose: async () => undefined,
}

/** A picture of large coloured squares; the same seed draws the same. */
export function drawing(seed: string, width = 64, height = 64): RawImage {
  const random = createRandom(seed)
  const colours = Array.from({ length: 16 * 3 }, () => random.integer(256))
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((4 * y) / height) * 4 + Math.floor((4 * x) / width)
      for (let c = 0; c < 3; c++) data[(y * width + x) * 3 + c] = colours[cell * 3 + c]!
    }
  return { data, width, height }
}

export const png = (seed: string, width?: number, height?: number) => encodePng(drawing(seed, width, height))

/** The same drawing in another size. */
export const resizedPng = async (seed: string, size: number) =>
  encodePng(resizeImage(drawing(seed), size, size, 'bilinear'))

export interface Shop {
  /** Absolute, without links. */
  readonly folder: string
  put(name: string, content: Uint8Array | string): Promise<string>
  /** Opened for writing; closed at the end. */
  open(name?: string): Promise<Gallery>
  index(gallery: Gallery, ...paths: string[]): ReturnType<typeof addImages>
  close(): Promise<void>
}

/** A folder with photographs, and galleries of them. */
export async function openShop(): Promise<Shop> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-shop-')))
  const galleries: Gallery[] = []
  return {
    folder,
    async put(name, content) {
      const file = path.join(folder, name)
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, content)
      return file
    },
    async open(name = 'gallery') {
      const gallery = await openGallery(path.join(folder, name), { space: gridEncoder.space, dim: gridEncoder.dim })
      galleries.push(gallery)
      return gallery
    },
    index: (gallery, ...paths) =>
      addImages(
        gallery,
        gridEncoder,
        paths.map((each) => path.join(folder, each)),
      ),
    async close() {
      for (const gallery of galleries) await gallery.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export const gridEmbed = (requests: Parameters<typeof embedImages>[1], _role: unknown, options = {}) =>
  embedImages(gridEncoder, requests, options)
