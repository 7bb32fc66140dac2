// A gallery of 60,000 x 256 over HTTP: requests a second and waiting times, beside FastAPI + faiss; the event loop while images are embedded;
// and while lists are reranked; a soak of mixed requests; kills while it writes.
// node bench/serve.mjs [--only=loop,rerank,reranked,requests,mixed,killed] [--seconds=10] [--soak=20000] [--minutes=0] [--kills=50] [--rows=60000]
// [--python=python3]; that needs fastapi, uvicorn and faiss-cpu. With minutes, the soak goes on for so long, however many requests that is.
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { createEmbeddings, createRandom } from '@lookalike/core'
import { createBuiltinEncoder } from '@lookalike/encoders'
import { openGallery } from '@lookalike/gallery'
import { embedImages, encodePng } from '@lookalike/image'
import { createListReranker } from '@lookalike/pipeline'
import { createKReciprocal } from '@lookalike/rerank'
import { createEncoderPool } from '@lookalike/server'
import autocannon from 'autocannon'
import { percentile, watchTicks } from './lib/ticks.mjs'

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    only: { type: 'string', default: 'loop,rerank,reranked,requests,mixed,killed' },
    soak: { type: 'string', default: '20000' },
    minutes: { type: 'string', default: '0' },
    kills: { type: 'string', default: '50' },
    python: { type: 'string', default: 'python3' },
    rows: { type: 'string', default: '60000' },
  },
})
const [seconds, soak, minutes, kills, ROWS] = [given.seconds, given.soak, given.minutes, given.kills, given.rows].map(
  Number,
)
const DIM = 256
const here = path.dirname(fileURLToPath(import.meta.url))
const main = path.join(here, '../apps/cli/dist/main.js')
const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-bench-serve-'))
const ticksFile = path.join(folder, 'ticks')
const ticksModule = path.join(here, 'lib/ticks.mjs')
const line = (...cells) => console.log(`| ${cells.join(' | ')} |`)

const random = createRandom('bench serve')
const pictures = await Promise.all(
  Array.from({ length: 64 }, () =>
    encodePng({ width: 96, height: 96, data: Uint8Array.from({ length: 96 * 96 * 3 }, () => random.integer(256)) }),
  ),
)

async function serve(args, cwd = folder) {
  const env = { ...process.env, BENCH_TICKS: ticksFile, NODE_OPTIONS: `--import ${pathToFileURL(ticksModule)}` }
  const child = spawn(process.execPath, [main, 'serve', '--port=0', '--quiet', ...args], { cwd, env })
  let text = ''
  child.stderr.on('data', (data) => (text += data))
  const url = await new Promise((resolve, reject) => {
    child.stdout.on('data', (data) => {
      text += data
      const found = /Serving at (\S+)\/ /.exec(text)
      if (found) resolve(found[1].replace('localhost', '127.0.0.1'))
    })
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  return { url, child, stop: (signal = 'SIGINT') => (child.kill(signal), ended) }
}

/** The process that serves: the one that was started waits for it. */
const servingPid = async ({ child: { pid } }) =>
  (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ')[0]
const residentMb = async (server) =>
  Math.round(
    (Number((await readFile(`/proc/${await servingPid(server)}/statm`, 'utf8')).split(' ')[1]) * 4096) / 2 ** 20,
  )
const descriptors = async (server) => (await readdir(`/proc/${await servingPid(server)}/fd`)).length

async function load(name, url, connections, requests) {
  const times = []
  const run = autocannon({ url, connections, duration: seconds, requests, timeout: 60 })
  run.on('response', (client, status, bytes, time) => times.push(time))
  const { requests: rate, non2xx, errors } = await run
  const waits = [50, 95, 99].map((percent) => percentile(times, percent).toFixed(1))
  line(name, connections, rate.average.toFixed(0), ...waits, non2xx + errors)
}

/** Between ticks of the server's main thread since the last time. */
async function ticksOf(server) {
  const pid = await servingPid(server)
  const file = `${ticksFile}.${pid}`
  await rm(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  for (;;) {
    const text = await readFile(file, 'utf8').catch(() => '')
    if (text !== '') return JSON.parse(text)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const ticksText = ({ wall, own }) =>
  `Between ticks of the main thread: at most ${own.longest.toFixed(1)} ms of its own work, 99 % ${own.p99.toFixed(1)} ms; by the clock ${wall.longest.toFixed(1)} and ${wall.p99.toFixed(1)} ms.`

/** Row-major, of length 1. */
const data = new Float32Array(ROWS * DIM)
const idRequests = Array.from({ length: 500 }, (_, i) => ({ path: `/api/v1/items/${(i * 101) % ROWS}/similar?k=10` }))
const peerRequests = Array.from({ length: 500 }, (_, i) => ({ path: `/items/${(i * 101) % ROWS}/similar?k=10` }))
const imageRequests = pictures.map((picture) => ({
  method: 'POST',
  path: '/api/v1/search',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ positives: [{ image: Buffer.from(picture).toString('base64') }], k: 10 }),
}))

const parts = { loop, rerank, reranked, requests, mixed, killed }
try {
  const names = given.only.split(',')
  if (names.some((name) => name !== 'loop')) await makeGallery()
  for (const name of names) await parts[name]()
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** The event loop under 32 images at once, and the pool's throughput beside a batch job's. */
async function loop() {
  const images = Array.from({ length: 512 }, (_, i) => ({ source: pictures[i % 64] }))
  const encoder = await createBuiltinEncoder()
  await embedImages(encoder, images.slice(0, 64))
  const start = performance.now()
  await embedImages(encoder, images)
  const batch = images.length / ((performance.now() - start) / 1000)
  await encoder.dispose()
  const pool = await createEncoderPool({ encoder: 'builtin', plugins: ['@lookalike/encoders'], folder: here })
  await Promise.all(images.slice(0, 64).map((image) => pool.embed(image, 'query')))
  const watch = watchTicks()
  const from = performance.now()
  let next = 0
  const client = async () => {
    while (next < images.length) await pool.embed(images[next++], 'query')
  }
  await Promise.all(Array.from({ length: 32 }, client))
  const pooled = images.length / ((performance.now() - from) / 1000)
  const ticks = watch.stop()
  await pool.dispose()
  console.log(
    `Images a second: batch job ${batch.toFixed(1)}, pool with 32 clients ${pooled.toFixed(1)} (x ${(pooled / batch).toFixed(2)}). ` +
      `${ticksText(ticks)}\n`,
  )
}

/** Random directions, and the config of a model of their space. */
async function makeGallery() {
  for (let row = 0; row < ROWS; row++) {
    const vector = data.subarray(row * DIM, (row + 1) * DIM)
    for (let i = 0; i < DIM; i++) vector[i] = random.normal()
    const length = Math.hypot(...vector)
    for (let i = 0; i < DIM; i++) vector[i] /= length
  }
  const model = { encoder: { use: 'conv-net', embeddingDim: DIM }, rerankers: ['k-reciprocal'] }
  await writeFile(path.join(folder, 'lookalike.config.json'), JSON.stringify(model))
  const pool = await createEncoderPool({ encoder: model.encoder, plugins: ['@lookalike/encoders'], folder: here })
  const { space } = pool
  await pool.dispose()
  const gallery = await openGallery(path.join(folder, 'gallery'), { space, dim: DIM })
  for (let start = 0; start < ROWS; start += 10_000) {
    const rows = Math.min(10_000, ROWS - start)
    const part = data.slice(start * DIM, (start + rows) * DIM)
    const items = Array.from({ length: rows }, (_, i) => ({
      id: String(start + i),
      hash: (start + i).toString(16).padStart(64, '0'),
      metadata: { group: i % 10 },
    }))
    await gallery.add(items, { embeddings: createEmbeddings({ data: part, rows, dim: DIM, space, role: 'any' }) })
  }
  await gallery.close()
}

/** The event loop while lists are reranked by what looks at the whole gallery: in the pool, and on this thread as before. */
async function rerank() {
  const gallery = await openGallery(path.join(folder, 'gallery'), { mode: 'read' })
  const rerankers = ['k-reciprocal']
  const pool = await createEncoderPool({
    encoder: { use: 'conv-net', embeddingDim: DIM },
    rerankers,
    plugins: ['@lookalike/encoders', '@lookalike/rerank'],
    folder: here,
  })
  const own = createListReranker(gallery, [createKReciprocal()])
  const list = async (i) => {
    const query = createEmbeddings({
      data: data.slice(i * DIM, (i + 1) * DIM),
      rows: 1,
      dim: DIM,
      space: gallery.space,
      role: 'any',
    })
    const [hits] = await gallery.search(query, 100, { withVectors: true })
    return { gallery, version: 0, query, hits, imageOf: () => undefined }
  }
  const lists = await Promise.all(Array.from({ length: 64 }, (_, i) => list(i * 11)))
  line('reranked', 'first list, s', '64 lists, s', 'longest tick, own ms', '99 %', 'by the clock ms', '99 %')
  line('---', '---:', '---:', '---:', '---:', '---:', '---:')
  for (const [name, work] of [
    ['in the pool', (each) => pool.rerank(each)],
    ['on this thread', own],
  ]) {
    const watch = watchTicks()
    const from = performance.now()
    await work(lists[0])
    const prepared = performance.now()
    await Promise.all(lists.map((each) => work(each)))
    const done = performance.now()
    const { own, wall } = watch.stop()
    const ticks = [own.longest, own.p99, wall.longest, wall.p99].map((each) => each.toFixed(1))
    line(name, ((prepared - from) / 1000).toFixed(1), ((done - prepared) / 1000).toFixed(2), ...ticks)
  }
  console.log()
  await pool.dispose()
  await gallery.close()
}

async function requests() {
  line('requests', 'clients', 'requests/s', 'p50 ms', 'p95 ms', 'p99 ms', 'failed')
  line('---', '---:', '---:', '---:', '---:', '---:', '---:')
  const server = await serve([])
  await ticksOf(server)
  for (const clients of [1, 8, 32]) await load('by id', server.url, clients, idRequests)
  for (const clients of [1, 8, 32]) await load('by image', server.url, clients, imageRequests)
  console.log(`\n${ticksText(await ticksOf(server))}\n`)
  await server.stop()
  await peerRequested()
}

/** 32 clients who ask by image, some for reranked lists, which look at the whole gallery. */
async function reranked() {
  const server = await serve([])
  const rerank = { ...imageRequests[0], body: JSON.stringify({ ...JSON.parse(imageRequests[0].body), rerank: true }) }
  await load('by image, reranked', server.url, 1, [rerank])
  await ticksOf(server)
  await load('by image, a third of them reranked', server.url, 32, [rerank, ...imageRequests.slice(0, 2)])
  console.log(`\n${ticksText(await ticksOf(server))}\n`)
  await server.stop()
}

async function peerRequested() {
  await writeFile(path.join(folder, 'vectors.f32'), data)
  const peer = spawn(given.python, [path.join(here, 'serve.py'), path.join(folder, 'vectors.f32'), ROWS, DIM, '4399'], {
    stdio: 'inherit',
  })
  const url = 'http://127.0.0.1:4399'
  for (let i = 0; i < 600 && !(await fetch(`${url}/items/0/similar`).catch(() => undefined)); i++)
    await new Promise((resolve) => setTimeout(resolve, 100))
  for (const clients of [1, 8, 32]) await load('by id, FastAPI + faiss', url, clients, peerRequests)
  peer.kill('SIGKILL')
}

/** Searches, pages, pictures and changes; nothing acknowledged may be lost, no descriptor kept. */
async function mixed() {
  const server = await serve(['--write'])
  const kept = new Map()
  const found = []
  const ask = (at, method = 'GET', body) =>
    fetch(`${server.url}/api/v1${at}`, {
      method,
      ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    }).then(
      async (response) => ({ status: response.status, body: await response.json().catch(() => undefined) }),
      (error) => ({ status: `${error.message}: ${error.cause?.message}` }),
    )
  const image = (i) => Buffer.from(pictures[i % 64]).toString('base64')
  let failed = 0
  let done = 0
  const one = async (i) => {
    // As many as the lanes part without a rest.
    const id = `soak-${i % 504}`
    const kind = i % 10
    const answer =
      kind < 5
        ? await ask(`/items/${(i * 37) % ROWS}/similar?k=10`)
        : kind < 7
          ? await ask('/items?limit=20')
          : kind === 7
            ? await ask('/search', 'POST', { positives: [{ image: image(i) }], k: 5 })
            : kind === 8
              ? await ask(`/items/${id}`, 'PUT', { image: image(i), metadata: { i } })
              : await ask(`/items/${id}`, 'DELETE')
    const nothingToDelete = kind === 9 && answer.status === 404 && !kept.has(id)
    if (answer.status !== 200 && !nothingToDelete) {
      failed++
      console.log(`${kind}: ${answer.status} ${JSON.stringify(answer.body)}`)
    } else if (kind === 8) kept.set(id, i)
    else if (kind === 9) kept.delete(id)
    done++
    if (minutes === 0 && done % Math.ceil(soak / 8) === 0) await look()
  }
  const look = async () => {
    found.push(`${await residentMb(server)} MB, ${await descriptors(server)} fds`)
  }
  const end = performance.now() + minutes * 60_000
  const goesOn = (i) => (minutes > 0 ? performance.now() < end : i < soak)
  const timer = minutes > 0 ? setInterval(look, 60_000) : undefined
  await Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      // A lane has ids of its own: what is kept is known.
      for (let i = lane; goesOn(i); i += 8) await one(i)
    }),
  )
  clearInterval(timer)
  if (minutes > 0) await look()
  let lost = 0
  for (const [id, i] of kept) {
    const { body } = await ask(`/items/${id}`)
    if (body?.metadata?.i !== i) lost++
  }
  await server.stop()
  console.log(
    `\nSoak: ${done} mixed requests${minutes > 0 ? ` in ${minutes} minutes` : ''}, ${failed} failed, ${lost} of ${kept.size} kept changes lost. ${found.join('; ')}.\n`,
  )
}

async function killed() {
  const acknowledged = new Set()
  let lost = 0
  for (let round = 0; round < kills; round++) {
    const server = await serve(['--write'])
    let dead = false
    const end = setTimeout(() => {
      dead = true
      server.stop('SIGKILL')
    }, 200 + random.integer(600))
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let i = 0; !dead; i++) {
          const id = `kill-${round}-${lane}-${i}`
          const body = JSON.stringify({ image: Buffer.from(pictures[i % 64]).toString('base64') })
          const answer = await fetch(`${server.url}/api/v1/items/${id}`, {
            method: 'PUT',
            headers: { 'content-type': 'application/json' },
            body,
          }).catch(() => undefined)
          if (answer?.status === 200) acknowledged.add(id)
        }
      }),
    )
    clearTimeout(end)
    await server.stop('SIGKILL')
  }
  const server = await serve([])
  for (const id of acknowledged) if ((await fetch(`${server.url}/api/v1/items/${id}`)).status !== 200) lost++
  await server.stop()
  console.log(`Killed ${kills} times while it wrote: ${lost} of ${acknowledged.size} acknowledged changes lost.`)
}
