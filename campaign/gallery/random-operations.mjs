import { spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { addContents, differs, matrixOf, vectorOf } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open } from './workload.mjs'

const self = fileURLToPath(import.meta.url)
const IMAGES = 120

/** Adds, replaces, removes, saves, opens again and compacts at random; every tenth time everything is compared with brute force. */
async function live(folder, engine, operations, seed) {
  const random = createRandom(seed)
  let gallery = await open(folder, engine)
  const contents = {}
  const some = (most) => [
    ...new Set(Array.from({ length: 1 + random.integer(most) }, () => `id ${random.integer(IMAGES)}`)),
  ]
  for (let i = 0; i < operations; i++) {
    const choice = random.next()
    if (choice < 0.5) {
      const part = Object.fromEntries(some(20).map((id) => [id, `${id} of ${i}`]))
      await addContents(gallery, part)
      Object.assign(contents, part)
    } else if (choice < 0.75) {
      const ids = some(15)
      await gallery.remove(ids)
      for (const id of ids) delete contents[id]
    } else if (choice < 0.9) {
      const queries = matrixOf([vectorOf(`q ${i}`), vectorOf(`r ${i}`)], 'query')
      const k = 1 + random.integer(IMAGES)
      const lists =
        random.next() < 0.5
          ? await gallery.search(queries, k)
          : await gallery.search(queries, k, { filter: { even: true } })
      const all = Object.keys(contents).length
      const least = Math.min(k, Object.keys(contents).filter((id) => Number(id.slice(3)) % 2 === 0).length)
      if (lists.some(({ length }) => length !== Math.min(k, all) && length !== least))
        throw new Error(`${lists.map(({ length }) => length)} hits of ${k} in ${all}`)
    } else if (choice < 0.99) {
      await gallery.close()
      gallery = await open(folder, engine)
    } else await gallery.compact()
    if (i % 10 === 0) {
      const wrong = await differs(gallery, contents, { queries: 2, tolerance: engine === 'exact' ? 1e-5 : 1e-3 })
      if (wrong) throw new Error(`after ${i} operations: ${wrong}`)
    }
  }
  await gallery.close()
}

if (process.argv[1] === self) {
  const [folder, engine, operations, seed] = process.argv.slice(2)
  await live(folder, engine, Number(operations), seed)
  writeSync(1, 'end')
}

export default {
  name: 'gallery: 10,000 random operations against brute force, in a process that may die',
  async run({ folder, short, only = [] }) {
    const tally = createTally()
    const engines = short ? ['usearch'] : ['usearch', 'mapped', 'exact']
    const [rounds, operations] = short ? [1, 300] : [10, 1000]
    for (const engine of engines) {
      if (only.length > 0 && !only.includes(engine)) continue
      for (let seed = 0; seed < rounds; seed++) {
        const at = path.join(folder, `${engine}-${seed}`)
        const args = [self, at, engine, String(operations), `${seed}`]
        const { stdout, stderr, signal } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 3_600_000 })
        const ended = stdout.endsWith('end')
        tally.add(ended ? 'survived' : 'silent', `${engine}, seed ${seed}: ${signal ?? ''} ${stderr.slice(0, 500)}`)
      }
    }
    return { ...tally, note: `${rounds} x ${operations} operations with each of ${engines.join(', ')}` }
  },
}
