import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createRandom, galleryEntries } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'
import { succeed } from '../lib/command.mjs'
import { writePictures } from '../lib/pictures.mjs'
import { createTally } from '../lib/tally.mjs'
import { killWorkers, startRedis } from '../lib/workers.mjs'

/** Everything that a gallery says of its images, in its order, with what it finds for some of them. */
async function contentsOf(folder) {
  const { space, dim } = JSON.parse(readFileSync(path.join(folder, 'gallery.json'), 'utf8'))
  const gallery = await openGallery(folder, { space, dim, mode: 'read' })
  try {
    await gallery.verify()
    const entries = await galleryEntries(gallery)
    const vectors = await gallery.vectors(entries.map(({ id }) => id))
    const queries = { ...vectors, data: vectors.data.slice(0, 50 * dim), rows: 50, role: 'query' }
    const hits = await gallery.search(queries, 10)
    return {
      ids: entries.map(({ id }) => id),
      entries: JSON.stringify(entries),
      vectors: Buffer.from(vectors.data.buffer).toString('base64'),
      hits: JSON.stringify(hits.map((found) => found.map(({ entry, distance }) => [entry.id, distance]))),
    }
  } finally {
    await gallery.close()
  }
}

async function compareAfterKills(tally, cwd, queue, kills) {
  const args = [
    '--gallery=./shared',
    '--encoder=mini',
    '--cache=false',
    '--threads=1',
    `--queue=${queue}`,
    '--json',
    '--quiet',
  ]
  const random = createRandom('kills of workers')
  const { code, stdout, stderr, killed } = await killWorkers({ cwd, args, kills, random })
  if (code !== 0) return tally.add('lost', `index --queue ended with ${code}: ${stderr}`)
  const result = JSON.parse(stdout)
  if (result.skipped > 0) tally.add('silent', `skipped: ${JSON.stringify(result.skippedImages.slice(0, 3))}`)
  const [shared, whole] = [await contentsOf(path.join(cwd, 'shared')), await contentsOf(path.join(cwd, 'whole'))]
  const wrong = Object.keys(whole).find((key) => JSON.stringify(shared[key]) !== JSON.stringify(whole[key]))
  const missing = whole.ids.filter((id) => !shared.ids.includes(id))
  for (let i = 0; i < killed; i++)
    tally.add(missing.length > 0 ? 'lost' : wrong ? 'silent' : 'survived', `${missing.length} missing; other ${wrong}`)
  tally.note = `${whole.ids.length} images, ${result.shards} shards, ${killed} kills`
}

export default {
  name: 'queue: three workers killed at random moments',
  async run({ folder, short }) {
    const tally = createTally()
    const redis = await startRedis(folder)
    if (!redis) return { ...tally, note: 'no redis-server here' }
    try {
      await writePictures(path.join(folder, 'photos'), short ? { classes: 10, each: 60 } : { classes: 50, each: 100 })
      await succeed(['index', 'photos', '--gallery=./whole', '--encoder=mini', '--cache=false', '--json', '--quiet'], {
        cwd: folder,
      })
      await compareAfterKills(tally, folder, redis.url, short ? 4 : 30)
    } finally {
      redis.stop()
    }
    return tally
  },
}
