// 1,000,000 x 384 in the approximate index, in each precision: time to build, size on disk, queries a second, recall@10 against the
// exact index, which is timed too.
//   npx turbo run build --filter=@lookalike/gallery && node bench/search-approximate.mjs [rows] [precisions] [threads] [decay]
// Recall depends on the data: decay 0 is noise in all 384 dimensions, the worst case; see lib/vectors.mjs.
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { exactEngine, usearchEngine } from '@lookalike/gallery'
import { classVectors, firstRows, rounded } from './lib/vectors.mjs'

const rows = Number(process.argv[2] ?? 1_000_000)
const precisions = (process.argv[3] ?? 'fp32,fp16,int8').split(',')
const threads = Number(process.argv[4] ?? availableParallelism())
const decay = Number(process.argv[5] ?? 0.5)
const dim = 384
const k = 10
const QUERIES = 1000

const all = classVectors({ rows: rows + QUERIES, dim, perClass: 20, seed: 1, noise: 1.2, decay })
const gallery = firstRows(all, rows)
const queries = { ...all, rows: QUERIES, data: all.data.subarray(rows * dim) }
// Half of the queries belong to classes of the gallery: the last rows alone would all be strangers.
for (let row = 0; row < QUERIES / 2; row++) {
  const like = Math.floor(((row + 0.5) * rows * 2) / QUERIES)
  let norm = 0
  const query = queries.data.subarray(row * dim, (row + 1) * dim)
  for (let i = 0; i < dim; i++) norm += (query[i] = gallery.data[like * dim + i] + query[i] * 0.5) ** 2
  for (let i = 0; i < dim; i++) query[i] /= Math.sqrt(norm)
}

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-bench-'))
const results = []
const timed = async (work) => {
  const begin = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - begin) / 1000 }
}

const exact = await exactEngine().open({ dim, space: 'bench' })
await exact.add(gallery)
const truth = await timed(() => exact.search(queries, k))
await exact.dispose()
results.push({
  index: 'exact',
  'build, s': 0,
  'size, MB': Math.round((rows * dim * 4) / 1e6),
  'queries/s': rounded(QUERIES / truth.seconds),
  'recall@10': 1,
})

for (const precision of precisions) {
  const engine = usearchEngine({ precision, threads })
  const index = await engine.open({ dim, space: 'bench' })
  const build = await timed(() => index.add(gallery))
  const file = path.join(folder, precision)
  await index.save(file)
  const recall = (found) =>
    found.reduce(
      (sum, { positions }, row) =>
        sum + truth.result[row].positions.filter((position) => positions.includes(position)).length,
      0,
    ) /
    (QUERIES * k)
  for (const expansionSearch of [64, 256]) {
    for (const mapped of [false, true]) {
      const opened = await usearchEngine({ precision, threads, expansionSearch, mapped }).open({
        dim,
        space: 'bench',
        file,
      })
      const found = await timed(() => opened.search(queries, k))
      await opened.dispose()
      results.push({
        index: `usearch ${precision}, ef ${expansionSearch}${mapped ? ', mapped' : ''}`,
        'build, s': rounded(build.seconds),
        'size, MB': Math.round((await stat(file)).size / 1e6),
        'queries/s': rounded(QUERIES / found.seconds),
        'recall@10': rounded(recall(found.result)),
      })
    }
  }
  await index.dispose()
}
await rm(folder, { recursive: true })
console.table(results)
console.log(JSON.stringify({ bench: 'search-approximate', rows, dim, k, threads, decay, results }))
