// Exact top-10 of a 60,000 x 384 gallery: @lookalike/gallery against usearch's exactSearch, and against torch and faiss where
// python3 has them. All take turns on all processors; figures are medians. On a machine that does other work too, what a second of
// processor time does is the fairer figure: it hardly depends on what else runs.
// Debian's PyTorch multiplies matrices twenty times faster once libopenblas0-pthread is installed: compare with that.
//   npx turbo run build --filter=@lookalike/gallery && node bench/search-exact.mjs [rows] [rounds]
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { exactEngine } from '@lookalike/gallery'
import usearch from 'usearch'
import { classVectors, firstRows, median, rounded } from './lib/vectors.mjs'

const rows = Number(process.argv[2] ?? 60_000)
const rounds = Number(process.argv[3] ?? 5)
const dim = 384
const k = 10
const QUERIES = 2048
/** usearch compares one pair at a time: fewer queries give its rate as well. */
const USEARCH_QUERIES = 128

const gallery = classVectors({ rows, dim, perClass: 5, seed: 1 })
const queries = classVectors({ rows: QUERIES, dim, perClass: 5, seed: 2 })

const index = await exactEngine().open({ dim, space: 'bench' })
await index.add(gallery)
const contenders = {
  lookalike: { queries: QUERIES, search: async () => [...(await index.search(queries, k))[0].positions] },
  'usearch exactSearch': {
    queries: USEARCH_QUERIES,
    search: async () => {
      const found = usearch.exactSearch(gallery.data, firstRows(queries, USEARCH_QUERIES).data, dim, k, 'ip', 0)
      return Array.from(found.keys.subarray(0, k), Number)
    },
  },
}

async function timed(work) {
  const begin = performance.now()
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return { result, seconds: (performance.now() - begin) / 1000, processor: (user + system) / 1e6 }
}

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-bench-'))
const python = await startPython()
const versions = python?.versions ?? {}
for (const name of Object.keys(versions)) contenders[name] = { queries: QUERIES, python: name }

const seconds = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
const processor = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]))
const first = {}
for (let round = 0; round <= rounds; round++) {
  for (const [name, contender] of Object.entries(contenders)) {
    const { result, ...spent } = contender.python
      ? await python.search(contender.python, contender.queries)
      : await timed(contender.search)
    // The first round warms up.
    if (round > 0) {
      seconds[name].push(spent.seconds)
      processor[name].push(spent.processor)
    }
    first[name] = result
  }
}
python?.stop()
await index.dispose()
await rm(folder, { recursive: true })

const rate = (name, times = seconds) => contenders[name].queries / median(times[name])
const results = Object.keys(contenders).map((name) => ({
  engine: versions[name] ? `${name} ${versions[name]}` : name,
  'queries/s': Math.round(rate(name)),
  'lookalike is faster by': rounded(rate('lookalike') / rate(name)),
  'queries/processor second': Math.round(rate(name, processor)),
  'lookalike does more by': rounded(rate('lookalike', processor) / rate(name, processor)),
  'same first list': first[name].join() === first.lookalike.join(),
}))
console.table(results)
console.log(JSON.stringify({ bench: 'search-exact', rows, dim, k, rounds, results }))

async function startPython() {
  await writeFile(path.join(folder, 'gallery'), gallery.data)
  await writeFile(path.join(folder, 'queries'), queries.data)
  const script = fileURLToPath(new URL('search-exact.py', import.meta.url))
  const child = spawn(
    'python3',
    [script, path.join(folder, 'gallery'), path.join(folder, 'queries'), dim, k].map(String),
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  child.on('error', () => undefined)
  child.stdin.on('error', () => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const hello = await lines.next()
  if (hello.done) return undefined
  return {
    versions: Object.fromEntries(hello.value.split(' ').map((pair) => pair.split('='))),
    async search(name, count) {
      child.stdin.write(`${name} ${count}\n`)
      const [seconds, processor, found] = (await lines.next()).value.split(' ')
      return { seconds: Number(seconds), processor: Number(processor), result: found.split(',').map(Number) }
    },
    stop: () => child.stdin.end(),
  }
}
