import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createRegistry, type Filter } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import gallery, {
  exportGallery,
  findDuplicates,
  openTableWriter,
  readTable,
  rejectUncertain,
  verifyGallery,
} from '@lookalike/gallery'
import lancedb from '@lookalike/lancedb'
import { createPipeline, defaultConfig } from '@lookalike/pipeline'
import postgres from '@lookalike/postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makePhotos } from './helpers/make-photos.js'

/* What the commands do, on galleries that a config puts into a database. */

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-databases-'))
  await makePhotos(path.join(folder, 'photos'), 3)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe.each([
  { use: 'lancedb', uri: './lance', exactBelow: 5 },
  { use: 'postgres', embedded: './pglite', exactBelow: 5 },
  { use: 'local', path: './gallery' },
])('a gallery in $use', (options) => {
  const photos = () => path.join(folder, 'photos')

  it('is indexed, searched, rejected from, checked and exported as a folder is', async () => {
    const loaded = defaultConfig(folder, { defaults: { encoder: 'mini', index: 'exact', gallery: options } })
    const pipeline = await createPipeline(loaded, createRegistry([...encoders, ...gallery, ...lancedb, ...postgres]))
    try {
      expect(await pipeline.index(photos())).toMatchObject({ added: 12 })
      expect(await pipeline.index(photos())).toMatchObject({ added: 0, unchanged: 12 })

      const open = await pipeline.openGallery('write')
      const ids = (await open.page()).entries.map(({ id }) => id)
      expect(ids).toHaveLength(12)
      await open.update(ids.map((id, i) => ({ id, metadata: { place: i }, uncertainty: i })))
      const query = path.join(folder, 'photos/red/0.png')
      const find = async (k: number, filter?: Filter) =>
        (await pipeline.search([query], k, { gallery: open, filter }))[0]!.hits.map(({ entry }) => entry.id)
      expect((await find(1))[0]).toMatch(/photos\/red\/0\.png$/)
      expect(await find(12, { place: { lt: 4 } })).toHaveLength(4)
      await expect(find(3, { plce: 1 })).rejects.toMatchObject({
        code: 'gallery/unknown-key',
        fields: { keys: ['place'] },
      })

      const { rejected } = await rejectUncertain(open, { coverage: 0.5 })
      expect(rejected).toHaveLength(6)
      expect(await find(12)).toHaveLength(6)
      expect((await rejectUncertain(open, { coverage: 1 })).restored).toHaveLength(6)

      expect((await findDuplicates(open, { threshold: 0, imageOf: () => undefined })).groups).toEqual([])
      expect(await verifyGallery(open, { imageOf: () => undefined })).toMatchObject({ images: 12 })
      const file = path.join(folder, `${options.use}.jsonl`)
      await exportGallery(open, await openTableWriter(file, { format: 'jsonl', space: open.space, dim: open.dim }))
      let rows = 0
      for await (const block of readTable(file)) rows += block.rows.length
      expect(rows).toBe(12)

      await rm(path.join(folder, 'photos/red/2.png'))
      expect(await pipeline.index(photos(), { gallery: open, prune: true })).toMatchObject({ removed: 1 })
      expect(await open.count()).toBe(11)
      await open.close()
    } finally {
      await pipeline.dispose()
      await makePhotos(path.join(folder, 'photos'), 3)
    }
  })
})
