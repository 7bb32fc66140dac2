import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { createRandom, galleryEntries } from '@lookalike/core'
import { openGallery } from '@lookalike/gallery'
import { postgresStore } from '@lookalike/postgres'
import { succeed } from '../lib/command.mjs'
import { writePictures } from '../lib/pictures.mjs'
import { createTally } from '../lib/tally.mjs'
import { index, killWorkers, startRedis } from '../lib/workers.mjs'

/** Of distances that a database and this process compute. */
const TOLERANCE = 1e-5
const QUERIES = 50

/** Everything that a gallery says of its images, in the order of their ids, with the distances of what it finds for some. */
async function contentsOf(gallery) {
  try {
    await gallery.verify()
    const entries = (await galleryEntries(gallery)).sort((a, b) => (a.id < b.id ? -1 : 1))
    const vectors = await gallery.vectors(entries.map(({ id }) => id))
    const queries = { ...vectors, data: vectors.data.slice(0, QUERIES * vectors.dim), rows: QUERIES, role: 'query' }
    const hits = await gallery.search(queries, 10)
    return {
      ids: entries.map(({ id }) => id),
      entries: JSON.stringify(entries.map(({ id, hash, metadata, rejected }) => [id, hash, metadata, rejected])),
      vectors: Buffer.from(vectors.data.buffer).toString('base64'),
      distances: hits.flatMap((found) => found.map(({ distance }) => distance)),
    }
  } finally {
    await gallery.close()
  }
}

/** Once in a while the server is restarted by the command that was given, until all is done. */
async function restartAgain({ command, restarts, random, isOver }) {
  let done = 0
  while (done < restarts) {
    await new Promise((resolve) => setTimeout(resolve, 3_000 + random.integer(9_000)))
    if (isOver()) break
    if (spawnSync('sh', ['-c', command], { stdio: 'ignore' }).status === 0) done++
  }
  return done
}

export default {
  name: 'queue: three workers killed, and PostgreSQL restarted in the middle',
  async run({ folder, short }) {
    const tally = createTally()
    const command = process.env.LOOKALIKE_POSTGRES_RESTART
    if (!process.env.LOOKALIKE_POSTGRES_URL || !command)
      return {
        ...tally,
        note: 'no LOOKALIKE_POSTGRES_URL, or no LOOKALIKE_POSTGRES_RESTART with a command that restarts it',
      }
    const redis = await startRedis(folder)
    if (!redis) return { ...tally, note: 'no redis-server here' }
    const table = `campaign_${process.pid}`
    const random = createRandom('restarts of a database')
    try {
      await writePictures(path.join(folder, 'photos'), short ? { classes: 10, each: 60 } : { classes: 50, each: 100 })
      const common = ['--encoder=mini', '--cache=false', '--json', '--quiet']
      await succeed(['index', 'photos', '--gallery=./whole', ...common], { cwd: folder })
      const config = { plugins: ['@lookalike/postgres'], gallery: { use: 'postgres', table } }
      await writeFile(path.join(folder, 'lookalike.config.json'), JSON.stringify(config))
      const args = [...common, '--threads=1', `--queue=${redis.url}`]
      let over = false
      let again = 0
      const fill = async () => {
        for (;;) {
          const result = await index(folder, args)
          // What it says is that it may be run again.
          if (result.code === 0 || !result.stdout.includes('gallery/unavailable')) return result
          again++
        }
      }
      const restarting = restartAgain({ command, restarts: short ? 2 : 8, random, isOver: () => over })
      const { code, stdout, stderr, killed } = await killWorkers({
        cwd: folder,
        args,
        kills: short ? 4 : 30,
        random,
        fill: () => fill().finally(() => (over = true)),
      })
      const restarted = await restarting
      if (code !== 0) {
        tally.add('lost', `index --queue ended with ${code}: ${stderr}`)
        return tally
      }
      const { space, dim } = await postgresStore({ table }).describe()
      const found = await contentsOf(await postgresStore({ table, exactBelow: 1e12 }).open({ mode: 'read' }))
      const whole = await contentsOf(await openGallery(path.join(folder, 'whole'), { space, dim, mode: 'read' }))
      const missing = whole.ids.filter((id) => !found.ids.includes(id))
      const wrong = ['ids', 'entries', 'vectors'].find(
        (key) => JSON.stringify(found[key]) !== JSON.stringify(whole[key]),
      )
      const far = whole.distances.some((distance, i) => !(Math.abs(distance - found.distances[i]) < TOLERANCE))
      for (let i = 0; i < killed + restarted; i++)
        tally.add(
          missing.length > 0 ? 'lost' : wrong || far ? 'silent' : 'survived',
          `${missing.length} missing; other ${wrong ?? 'distances'}`,
        )
      const { shards } = JSON.parse(stdout)
      tally.note = `${whole.ids.length} images, ${shards} shards, ${killed} kills, ${restarted} restarts, index run again ${again} times`
    } finally {
      redis.stop()
      await dropTable(table)
    }
    return tally
  },
}

async function dropTable(table) {
  const pg = createRequire(new URL('../../packages/postgres/package.json', import.meta.url))('pg')
  const client = new pg.Client(process.env.LOOKALIKE_POSTGRES_URL)
  await client.connect()
  await client.query(`DROP TABLE IF EXISTS ${table}`)
  await client.query('DELETE FROM lookalike_galleries WHERE name = $1', [table]).catch(() => undefined)
  await client.end()
}
