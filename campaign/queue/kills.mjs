import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom, galleryEntries } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'
import { lookalike, succeed } from '../lib/command.mjs'
import { writePictures } from '../lib/pictures.mjs'
import { createTally } from '../lib/tally.mjs'

const WORKERS = 3
const main = fileURLToPath(new URL('../../apps/cli/dist/main.js', import.meta.url))

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

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

/** Three workers at a queue, killed at random moments; whoever is killed is replaced. */
async function killWorkers(tally, cwd, queue, kills, random) {
  const gallery = '--gallery=./shared'
  const common = ['--encoder=mini', '--cache=false', '--threads=1', `--queue=${queue}`, '--json', '--quiet']
  let over = false
  let killed = 0
  const filling = lookalike(['index', 'photos', gallery, ...common], { cwd }).finally(() => (over = true))
  const workers = new Set()
  const keepOne = async () => {
    while (!over) {
      const worker = spawn(process.execPath, [main, 'work', gallery, '--lease=2', ...common], { cwd, stdio: 'ignore' })
      workers.add(worker)
      const ended = once(worker, 'exit')
      const timer =
        killed < kills && setTimeout(() => worker.kill('SIGKILL') && !over && killed++, 500 + random.integer(8_000))
      await ended
      if (timer) clearTimeout(timer)
      workers.delete(worker)
    }
  }
  const kept = Array.from({ length: WORKERS }, keepOne)
  const { code, stdout, stderr } = await filling
  for (const worker of workers) worker.kill('SIGKILL')
  await Promise.all(kept)
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
    if (spawnSync('redis-server', ['--version']).status !== 0) return { ...tally, note: 'no redis-server here' }
    const port = await freePort()
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no']
    const redis = spawn('redis-server', args, { stdio: 'ignore' })
    try {
      await writePictures(path.join(folder, 'photos'), short ? { classes: 10, each: 60 } : { classes: 50, each: 100 })
      await succeed(['index', 'photos', '--gallery=./whole', '--encoder=mini', '--cache=false', '--json', '--quiet'], {
        cwd: folder,
      })
      await killWorkers(tally, folder, `redis://127.0.0.1:${port}`, short ? 4 : 30, createRandom('kills of workers'))
    } finally {
      redis.kill()
    }
    return tally
  },
}
