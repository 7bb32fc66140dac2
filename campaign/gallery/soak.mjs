import fs from 'node:fs'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { addContents, matrixOf, vectorOf } from '../lib/random.mjs'
import { createTally } from '../lib/tally.mjs'
import { open } from './workload.mjs'

const descriptors = () => (fs.existsSync('/proc/self/fd') ? fs.readdirSync('/proc/self/fd').length : 0)

/** What native objects held is given back a turn after they were collected. */
async function held() {
  globalThis.gc?.()
  await setImmediate()
  globalThis.gc?.()
  await setImmediate()
  return { memory: process.memoryUsage().rss / 2 ** 20, descriptors: descriptors() }
}

export default {
  name: 'gallery: 20,000 images, 20,000 searches: memory and descriptors stay flat',
  async run({ folder, short, only = [] }) {
    const tally = createTally()
    const [images, searches] = short ? [500, 300] : [20_000, 20_000]
    for (const engine of ['exact', 'usearch', 'mapped']) {
      if (only.length > 0 && !only.includes(engine)) continue
      const at = path.join(folder, engine)
      let gallery = await open(at, engine)
      for (let start = 0; start < images; start += 250) {
        await addContents(
          gallery,
          Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`id ${start + i}`, `a ${start + i}`])),
        )
      }
      const queries = Array.from({ length: 100 }, (_, i) => matrixOf([vectorOf(`q ${i}`)], 'query'))
      const search = (i) =>
        gallery.search(queries[i % 100], 10, i % 3 === 0 ? { filter: { content: `a ${i % images}` } } : {})
      for (let i = 0; i < searches / 10; i++) await search(i)
      const before = await held()
      for (let i = 0; i < searches; i++) {
        await search(i)
        if (i % (searches / 10) !== 0) continue
        await gallery.close()
        gallery = await open(at, engine)
      }
      const after = await held()
      await gallery.close()
      // What one gallery takes again may be waiting to be collected.
      const flat = after.memory - before.memory < 150 && after.descriptors - before.descriptors <= 2
      tally.add(flat ? 'survived' : 'silent', `${engine}: ${JSON.stringify({ before, after })}`)
    }
    return tally
  },
}
