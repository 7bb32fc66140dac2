// Recall@k, MAP@R, MRR and MAP over the whole gallery of 60,000 queries in 60,000 images: time and peak memory.
// The same in torch where python3 has it: blocked products and a topk as deep as the largest class, which gives recall@k and MAP@R.
//   npx turbo run build --filter=@lookalike/gallery && node bench/metrics.mjs [rows] [images a class]
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { judgeEmbeddings, summarise } from '@lookalike/evaluate'
import { exactSimilarities } from '@lookalike/gallery'
import { classVectors, rounded } from './lib/vectors.mjs'

const rows = Number(process.argv[2] ?? 60_000)
const dim = 384
/** Unless said otherwise about as many images a class as Stanford Online Products has. */
const PER_CLASS = Number(process.argv[3] ?? 5)

const embeddings = classVectors({ rows, dim, perClass: PER_CLASS, seed: 1, noise: 2.6 })
const labels = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / PER_CLASS))
const own = Int32Array.from({ length: rows }, (_, row) => row)

const begin = performance.now()
const judgement = await judgeEmbeddings(
  embeddings,
  embeddings,
  { queryLabels: labels, galleryLabels: labels, own },
  { similarities: exactSimilarities },
)
const { metrics } = summarise(judgement, ['recall@1', 'recall@8', 'map@r', 'mrr', 'pml.map'])
const seconds = (performance.now() - begin) / 1000

const results = [
  {
    engine: 'lookalike',
    seconds: rounded(seconds),
    'peak memory, MB': Math.round(process.resourceUsage().maxRSS / 1024),
    ...Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name, rounded(value, 5)])),
  },
]

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-bench-'))
await writeFile(path.join(folder, 'vectors'), embeddings.data)
const script = fileURLToPath(new URL('metrics.py', import.meta.url))
const python = spawnSync('python3', [script, path.join(folder, 'vectors'), String(dim), String(PER_CLASS)], {
  encoding: 'utf8',
})
await rm(folder, { recursive: true })
if (python.status === 0) results.push(JSON.parse(python.stdout))

console.table(results)
console.log(JSON.stringify({ bench: 'metrics', rows, dim, results }))
