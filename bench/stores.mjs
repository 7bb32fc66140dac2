// Vectors of 256 values in each gallery store: time to load, queries a second at recall@10 of at least 0.95, all and filtered to half and to 1 %
// of the images, memory and size on disk.
//   npx turbo run build --filter=@lookalike/bench... && node bench/stores.mjs [--rows=100000] [--stores=exact,usearch,postgres,pglite,lancedb]
// postgres needs LOOKALIKE_POSTGRES_URL, a server on this machine; qdrant, where it is named, LOOKALIKE_QDRANT_URL: it leaves its collections there.
// Each store runs in a process of its own.
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createEmbeddings } from '@lookalike/core'
import { exactEngine, folderStore, usearchEngine } from '@lookalike/gallery'
import { lanceStore } from '@lookalike/lancedb'
import { postgresStore } from '@lookalike/postgres'
import { qdrantStore } from '@lookalike/qdrant'
import { classVectors, firstRows, rounded } from './lib/vectors.mjs'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '100000' },
    stores: { type: 'string', default: 'exact,usearch,postgres,pglite,lancedb' },
    store: { type: 'string' },
  },
})
const rows = Number(values.rows)
const dim = 256
const k = 10
const QUERIES = 200
const BATCH = 1000
const SPACE = 'bench'
const FILTERS = { all: undefined, half: { half: 1 }, 'one in a hundred': { cent: 7 } }

const table = `bench_${process.pid}`
const stores = {
  exact: (folder) => ({ store: folderStore(folder), engine: exactEngine() }),
  usearch: (folder) => ({ store: folderStore(folder), engine: usearchEngine() }),
  postgres: () => ({ store: postgresStore({ table }) }),
  pglite: (folder) => ({ store: postgresStore({ embedded: folder, table }) }),
  lancedb: (folder) => ({ store: lanceStore({ uri: folder }) }),
  qdrant: () => ({ store: qdrantStore({ collection: table }) }),
}

if (values.store) console.log(JSON.stringify(await measure(values.store)))
else {
  const results = []
  for (const store of values.stores.split(',')) {
    const found = await measureApart(store)
    results.push(found)
    console.error(found)
  }
  const columns = Object.keys(results[0])
  console.log(`${rows.toLocaleString('en')} x ${dim}, ${QUERIES} queries one by one, k = ${k}\n`)
  console.log(`| ${columns.join(' | ')} |\n|${columns.map(() => ' --- |').join('')}`)
  for (const result of results) console.log(`| ${columns.map((column) => result[column]).join(' | ')} |`)
}

/** In a process of its own, so that memory is one store's. */
async function measureApart(store) {
  const child = spawn(process.execPath, [import.meta.filename, `--store=${store}`, `--rows=${rows}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  return JSON.parse(text)
}

async function measure(name) {
  const all = classVectors({ rows: rows + QUERIES, dim, perClass: 20, seed: 1, noise: 1.2, decay: 0.5 })
  const vectors = firstRows(all, rows)
  const queries = queriesOf(all)
  const folder = path.join(await mkdtemp(path.join(tmpdir(), 'lookalike-stores-')), 'gallery')
  const truth = Object.fromEntries(
    Object.entries(FILTERS).map(([what, filter]) => [what, nearest(vectors, queries, filter)]),
  )

  const { store, engine } = stores[name](folder)
  const before = process.memoryUsage().rss
  const gallery = await store.open({ space: SPACE, dim, engine })
  const load = await timed(async () => {
    for (let from = 0; from < rows; from += BATCH) {
      const to = Math.min(rows, from + BATCH)
      const items = Array.from({ length: to - from }, (_, i) => itemOf(from + i))
      await gallery.add(items, { embeddings: slice(vectors, from, to, 'gallery') })
    }
  })
  const prepare = await timed(() => gallery.prepare())
  const result = {
    store: name,
    'load, images/s': Math.round(rows / load.seconds),
    'index, s': rounded(prepare.seconds),
  }
  for (const [what, filter] of Object.entries(FILTERS)) {
    await gallery.search(slice(queries, 0, 1, 'query'), k, { filter })
    let hits = 0
    const search = await timed(async () => {
      for (let i = 0; i < QUERIES; i++) {
        const [found] = await gallery.search(slice(queries, i, i + 1, 'query'), k, { filter })
        hits += found.filter(({ entry }) => truth[what][i].has(entry.id)).length
      }
    })
    result[`${what}, queries/s`] = rounded(QUERIES / search.seconds)
    result[`${what}, recall@${k}`] = rounded(hits / QUERIES / k)
  }
  result['memory, MB'] = Math.round((process.memoryUsage().rss - before) / 1e6)
  await gallery.close()
  result['disk, MB'] =
    name === 'postgres' ? await serverSize() : name === 'qdrant' ? '' : Math.round((await sizeOf(folder)) / 1e6)
  await rm(path.dirname(folder), { recursive: true, force: true })
  return result
}

function itemOf(i) {
  return { id: `images/${i}.jpg`, hash: `${i}`, metadata: { half: i % 2, cent: i % 100 } }
}

/** Half of the queries belong to classes of the gallery: the last rows alone would all be strangers. */
function queriesOf(all) {
  const data = all.data.slice(rows * dim)
  for (let row = 0; row < QUERIES / 2; row++) {
    const like = Math.floor(((row + 0.5) * rows * 2) / QUERIES)
    const query = data.subarray(row * dim, (row + 1) * dim)
    for (let i = 0; i < dim; i++) query[i] = all.data[like * dim + i] + query[i] * 0.5
    const norm = Math.hypot(...query)
    for (let i = 0; i < dim; i++) query[i] /= norm
  }
  return { data }
}

function slice({ data }, from, to, role) {
  return createEmbeddings({ data: data.slice(from * dim, to * dim), rows: to - from, dim, space: SPACE, role })
}

/** The true nearest, by comparing all. */
function nearest(vectors, queries, filter) {
  const fits = ({ metadata }) => Object.entries(filter ?? {}).every(([key, value]) => metadata[key] === value)
  const fitting = Array.from({ length: rows }, (_, row) => row).filter((row) => fits(itemOf(row)))
  return Array.from({ length: QUERIES }, (_, query) => {
    const at = query * dim
    const best = []
    for (const row of fitting) {
      let product = 0
      for (let i = 0; i < dim; i++) product += vectors.data[row * dim + i] * queries.data[at + i]
      if (best.length === k && product <= best[k - 1].product) continue
      if (best.length === k) best.pop()
      best.push({ product, id: itemOf(row).id })
      best.sort((a, b) => b.product - a.product)
    }
    return new Set(best.map(({ id }) => id))
  })
}

async function timed(work) {
  const begin = performance.now()
  await work()
  return { seconds: (performance.now() - begin) / 1000 }
}

async function sizeOf(folder) {
  let bytes = 0
  for (const name of await readdir(folder, { recursive: true })) {
    const { size, blocks } = await stat(path.join(folder, name))
    bytes += Math.min(size, blocks * 512)
  }
  return bytes
}

/** With its indexes; then the table goes. */
async function serverSize() {
  const { default: pg } = await import('pg')
  const client = new pg.Client(process.env.LOOKALIKE_POSTGRES_URL)
  await client.connect()
  const { rows: found } = await client.query('SELECT pg_total_relation_size($1::regclass)::float8 AS size', [table])
  await client.query(`DROP TABLE ${table}`)
  await client.query('DELETE FROM lookalike_galleries WHERE name = $1', [table])
  await client.end()
  return Math.round(found[0].size / 1e6)
}
