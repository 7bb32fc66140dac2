import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  createEmbeddings,
  createRandom,
  createRegistry,
  definePlugin,
  type Gallery,
  galleryEntries,
  type Plugin,
} from '@lookalike/core'
import galleryPlugins from '@lookalike/gallery'
import { encodePng } from '@lookalike/image'
import { createPipeline, defaultConfig, type Pipeline } from '@lookalike/pipeline'
import { z } from 'zod'

const EDGE = 4
const DIM = EDGE * EDGE * 3
/** What the encoder ends its process at: a picture without any light. */
const BLACK = -1

/** The pixels of 4 x 4 around grey, of length 1. With `deadly`, a black picture kills the process that encodes it. */
const grid = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'grid',
  description: 'Pixels as they are, for tests.',
  options: z.strictObject({
    space: z.string().default('grid/1').describe('Its space.'),
    deadly: z.boolean().default(false).describe('Whether black kills.'),
    pause: z.number().default(0).describe('Milliseconds a batch.'),
  }),
  create: ({ space, deadly, pause }) => ({
    specVersion: 'v1',
    name: 'grid',
    dim: DIM,
    space,
    batchSize: 8,
    input: {
      kind: 'pixels',
      preprocessing: {
        resize: { mode: 'squash' },
        crop: { width: EDGE, height: EDGE },
        interpolation: 'box',
        background: [255, 255, 255],
        scale: 1 / 255,
        mean: [0.5, 0.5, 0.5],
        std: [0.5, 0.5, 0.5],
        channels: 'rgb',
        layout: 'nchw',
      },
    },
    async encode(batch) {
      if (batch.kind !== 'pixels') throw new Error('pixels wanted')
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
      const data = Float32Array.from(batch.data.subarray(0, batch.count * DIM))
      for (let row = 0; row < batch.count; row++) {
        const values = data.subarray(row * DIM, (row + 1) * DIM)
        if (deadly && values.every((value) => value === BLACK)) process.kill(process.pid, 'SIGKILL')
        const length = Math.hypot(...values) || 1
        for (const [i, value] of values.entries()) values[i] = value / length
      }
      return createEmbeddings({ data, rows: batch.count, dim: DIM, space, role: 'any' })
    },
    dispose: async () => undefined,
  }),
})

/** A small drawing; the same seed draws the same. */
export async function drawing(seed: string): Promise<Uint8Array> {
  const random = createRandom(seed)
  return encodePng({
    data: Uint8Array.from({ length: DIM }, () => random.integer(256)),
    width: EDGE,
    height: EDGE,
  })
}

export const blackPng = (): Promise<Uint8Array> => encodePng({ data: new Uint8Array(DIM), width: EDGE, height: EDGE })

/** A folder with drawings, every fifth of which is there twice. */
export async function makeProject(images: number): Promise<{ readonly folder: string; remove(): Promise<void> }> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'lookalike-queue-')))
  for (const name of ['a', 'b', 'c']) await mkdir(path.join(folder, 'photos', name), { recursive: true })
  await Promise.all(
    Array.from({ length: images }, async (_, i) =>
      writeFile(path.join(folder, 'photos', 'abc'[i % 3]!, `${i}.png`), await drawing(`${i % 5 === 0 ? i % 40 : i}`)),
    ),
  )
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

export async function openProject(
  folder: string,
  config: Readonly<Record<string, unknown>> = {},
  plugins: readonly Plugin[] = [],
): Promise<Pipeline> {
  const defaults = { name: 'shop', encoder: 'grid', index: 'exact', cache: false as const, threads: 1, ...config }
  const registry = createRegistry([grid, ...galleryPlugins, ...plugins])
  return createPipeline(defaultConfig(folder, { defaults }), registry, {
    galleryOfFolder: (at) => ({ use: 'local', path: at }),
  })
}

/** Everything that a gallery says of its images, in its order, with what it finds. */
async function contentsOf(gallery: Gallery) {
  const entries = await galleryEntries(gallery)
  const vectors = await gallery.vectors(entries.map(({ id }) => id))
  const some = createEmbeddings({
    data: vectors.data.slice(0, 3 * DIM),
    rows: 3,
    dim: DIM,
    space: gallery.space,
    role: 'query',
  })
  const hits = await gallery.search(some, 12)
  return {
    entries: entries.map((entry) => ({ ...entry, source: path.resolve(gallery.base, entry.source!) })),
    vectors: Buffer.from(vectors.data.buffer, vectors.data.byteOffset, vectors.data.byteLength).toString('base64'),
    hits: hits.map((found) => found.map(({ entry, distance }) => [entry.id, distance])),
  }
}

export async function readGallery(pipeline: Pipeline) {
  const gallery = await pipeline.openGallery('read')
  try {
    return await contentsOf(gallery)
  } finally {
    await gallery.close()
  }
}
