/**
 * Soft Orthogonality on photographs, cheaply: a linear head with Proxy Anchor on the frozen embeddings of `bench/frozen.mjs`, with and without the term, in
 * pairs that share the head's first weights, the proxies' and all batches. Class-disjoint: birds 25 / 25, cars 98 / 98. Prints the mean paired
 * difference of R@1 and MAP@R with its 95 % interval, the proxies' largest cosine, and how many dimensions they fill evenly.
 *
 *     node bench/soft-orthogonality-photos.mjs --cache DIR --cars DIR [--data ../shared/data] [--sets birds,cars] [--models vit,mobilenet-128] [--dims 16,64,512]
 *         [--lambdas 0,auto,0.1] [--seeds 10] [--epochs 8] [--out DIR] [--svg FILE]
 *
 * `auto` is the default, 2 / C * sqrt(D / (C - 1)); numbers are the literal, undivided weight. One line of results.jsonl a run; what is there
 * is not repeated. --svg draws largest cosine and dimensions over training, of the first set, model and dimension.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { unitRows } from '@lookalike/core'
import { proxyAnchor } from '@lookalike/losses'
import { measureValidation } from '@lookalike/train'
import { drawCurves } from './lib/draw-curves.mjs'
import { frozenEmbeddings } from './lib/frozen.mjs'
import { interval } from './lib/intervals.mjs'
import { pick } from './lib/linear-maps.mjs'
import { photoSet } from './lib/photo-sets.mjs'
import { mean } from './lib/seeds.mjs'
import { fitHead } from './lib/train-head.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: fileURLToPath(new URL('../../shared/data', import.meta.url)) },
    cars: { type: 'string', default: '' },
    cache: { type: 'string', default: 'examples/.lookalike/frozen' },
    sets: { type: 'string', default: 'birds,cars' },
    models: { type: 'string', default: 'vit,mobilenet-128' },
    dims: { type: 'string', default: '16,64,512' },
    lambdas: { type: 'string', default: '0,auto,0.1' },
    seeds: { type: 'string', default: '10' },
    epochs: { type: 'string', default: '8' },
    out: { type: 'string', default: 'examples/.lookalike/soft-orthogonality' },
    svg: { type: 'string' },
  },
})
const [data, cache, cars, out] = ['data', 'cache', 'cars', 'out'].map((name) => path.resolve(values[name]))
mkdirSync(out, { recursive: true })
const log = path.join(out, 'results.jsonl')
const lines = existsSync(log)
  ? readFileSync(log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : []
const epochs = Number(values.epochs)
const SO = 'soft-orthogonality'

async function run({ features, inputDim, items }, dim, lambda, seed) {
  const rowsOf = (wanted) => items.flatMap(({ part }, row) => (part === wanted ? [row] : []))
  const [learn, measure] = [rowsOf('learn'), rowsOf('measure')]
  const names = [...new Set(learn.map((row) => items[row].label))].sort()
  const labels = Int32Array.from(learn, (row) => names.indexOf(items[row].label))
  const loss = proxyAnchor({ orthogonality: { lambda: lambda === 'auto' ? 'auto' : Number(lambda) } })
  const head = await fitHead({ data: features, dim: inputDim, rows: learn, labels }, loss, { seed, dim, epochs })
  const asked = measure.map((row) => ({ ...items[row], id: String(row), isQuery: true, isGallery: true }))
  const figures = await measureValidation(asked, await head.embed(pick(features, inputDim, measure)), dim)
  await head.dispose()
  const curve = head.logs.map((said) =>
    ['largest-cosine', 'dimensions', 'spectrum-largest', 'spectrum-smallest'].map((name) => said[`${SO}/${name}`]),
  )
  return { recall: figures['recall@1'], map: figures['map@r'], lambda: head.logs.at(-1)[`${SO}/lambda`], curve }
}

const sets = {}
const of = (set, model, dim, lambda) =>
  Array.from({ length: Number(values.seeds) }, (_, seed) =>
    lines.find(({ key }) => key === [set, model, dim, lambda, epochs, seed].join('/')),
  )
for (const model of values.models.split(',')) {
  for (const set of values.sets.split(',')) {
    sets[set] ??= await photoSet(set, { data, cars })
    const { data: raw, dim: inputDim } = await frozenEmbeddings({ set, items: sets[set], model, data, cache })
    const given = { features: unitRows(raw, inputDim), inputDim, items: sets[set] }
    for (const dim of values.dims.split(',').map(Number)) {
      for (let seed = 0; seed < Number(values.seeds); seed++) {
        for (const lambda of values.lambdas.split(',')) {
          const key = [set, model, dim, lambda, epochs, seed].join('/')
          if (lines.some((line) => line.key === key)) continue
          const line = { key, ...(await run(given, dim, lambda, seed)) }
          appendFileSync(log, `${JSON.stringify(line)}\n`)
          lines.push(line)
        }
      }
      const [plain, ...others] = values.lambdas
        .split(',')
        .map((lambda) => ({ lambda, runs: of(set, model, dim, lambda) }))
      const last = (runs, at) => mean(runs.map(({ curve }) => curve.at(-1)[at]))
      const figures = (runs) =>
        `${last(runs, 0).toFixed(3)} | ${last(runs, 1).toFixed(1)} | ${last(runs, 2).toFixed(2)} to ${last(runs, 3).toFixed(2)}`
      const percent = (runs, name) => (100 * mean(runs.map((one) => one[name]))).toFixed(2)
      console.log(
        `| ${set} | ${model} | ${dim} | 0 | ${percent(plain.runs, 'recall')} | | ${percent(plain.runs, 'map')} | | ${figures(plain.runs)} |`,
      )
      for (const { lambda, runs } of others) {
        const paired = (name) =>
          interval(
            runs.map((one, i) => 100 * (one[name] - plain.runs[i][name])),
            2,
          )
        console.log(
          `| ${set} | ${model} | ${dim} | ${lambda === 'auto' ? `auto = ${runs[0].lambda.toPrecision(2)}` : lambda} | ${percent(runs, 'recall')} | ${paired('recall')} | ${percent(runs, 'map')} | ${paired('map')} | ${figures(runs)} |`,
        )
      }
    }
  }
}
if (values.svg) {
  const [set, model, dim] = [values.sets, values.models, values.dims].map((list) => list.split(',')[0])
  const series = (at) =>
    values.lambdas.split(',').map((lambda) => ({
      label: `lambda ${lambda}`,
      lines: of(set, model, dim, lambda).map(({ curve }) => curve.map((values_, epoch) => [epoch + 1, values_[at]])),
    }))
  writeFileSync(values.svg, drawCurves(series(0), { x: 'epoch', y: 'largest cosine of two proxies' }))
  writeFileSync(
    values.svg.replace(/\.svg$/, '-spectrum.svg'),
    drawCurves(series(1), { x: 'epoch', y: 'dimensions that the proxies fill evenly' }),
  )
}
