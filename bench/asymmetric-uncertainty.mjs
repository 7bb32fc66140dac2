/**
 * What the uncertainty of a gallery image says, on the emoji benchmark's validation classes: its rank correlation with how far the image's transformed mean is from the query
 * model's own embedding, and how well it tells images that are wrong first results from those that are right ones (AUROC; 50 % says nothing). The same for the
 * distance itself, which no uncertainty can know. The runs come from bench/asymmetric-emoji.mjs.
 *
 *     npx turbo run build && node bench/asymmetric-uncertainty.mjs [--seeds 0,1,2] [--diversity 'data + architecture'] [--runs bench/runs] [--cache examples/.lookalike] [--threads 2]
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRegistry } from '@lookalike/core'
import { modelOfCombiner } from '@lookalike/image'
import { loadPlugins } from '@lookalike/pipeline'
import { mean, spread } from './lib/seeds.mjs'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0,1,2' },
    diversity: { type: 'string', default: 'data + architecture' },
    runs: { type: 'string', default: 'bench/runs' },
    cache: { type: 'string', default: 'examples/.lookalike' },
    threads: { type: 'string', default: '2' },
  },
})
const registry = createRegistry(
  await loadPlugins(
    ['encoders', 'datasets', 'asymmetric'].map((name) => `@lookalike/${name}`),
    import.meta.dirname,
  ),
)
const context = {
  folder: process.cwd(),
  cacheFolder: path.resolve(values.cache),
  seed: 0,
  threads: Number(values.threads),
}
const { items } = await registry.create('dataset', { use: 'emoji', validation: 0.1, splits: ['validation'] }, context)

const inner = (a, i, b, j, dim) => {
  let sum = 0
  for (let k = 0; k < dim; k++) sum += a[i * dim + k] * b[j * dim + k]
  return sum
}
const ranks = (list) => {
  const order = list.map((_, i) => i).sort((a, b) => list[a] - list[b])
  const out = []
  order.forEach((i, rank) => (out[i] = rank))
  return out
}
const correlation = (a, b) => {
  const [x, y] = [ranks(a), ranks(b)]
  const middle = (x.length - 1) / 2
  const product = (u, v) => u.reduce((sum, value, i) => sum + (value - middle) * (v[i] - middle), 0)
  return product(x, y) / product(x, x)
}
/** Share of the pairs of a positive and a negative in which the positive has the larger score. */
const auroc = (scores, positive) => {
  const [yes, no] = [true, false].map((wanted) => scores.filter((_, i) => positive[i] === wanted))
  return (
    yes.reduce((sum, a) => sum + no.filter((b) => a > b).length + no.filter((b) => a === b).length / 2, 0) /
    (yes.length * no.length)
  )
}

async function measure(seed) {
  const name = `asymmetric-${values.diversity.replaceAll(' + ', '-')}-s${seed}`
  const model = modelOfCombiner(
    await registry.create(
      'combiner',
      { use: 'cross-model', folder: path.join(path.resolve(values.runs), name) },
      context,
    ),
  )
  const images = items.map(({ source }) => ({ source }))
  const { data: queries, dim } = (await model.embed(images, 'query')).embeddings
  const {
    embeddings: { data: gallery },
    uncertainty,
  } = await model.embed(images, 'gallery')
  await model.dispose()
  const first = items.map((_, q) =>
    items.reduce(
      (best, _item, g) =>
        g === q || (best >= 0 && inner(queries, q, gallery, g, dim) <= inner(queries, q, gallery, best, dim))
          ? best
          : g,
      -1,
    ),
  )
  const harm = items.map(() => 0)
  first.forEach((g, q) => (harm[g] += items[g].label === items[q].label ? -1 : 1))
  const shown = new Set(first)
  const kept = items.map((_, i) => i).filter((i) => shown.has(i))
  const error = items.map((_, i) => 1 - inner(queries, i, gallery, i, dim))
  const tells = (scores) =>
    auroc(
      kept.map((i) => scores[i]),
      kept.map((i) => harm[i] > 0),
    )
  return [correlation([...uncertainty], error), tells([...uncertainty]), tells(error)]
}

const runs = []
for (const seed of values.seeds.split(',')) runs.push(await measure(Number(seed)))
console.log(
  `${values.diversity}, seeds ${values.seeds}, ${items.length} validation images\n\n| figure | mean | standard deviation |\n| --- | --- | --- |`,
)
for (const [i, name] of [
  'rank correlation of uncertainty and error of the transform',
  'AUROC of uncertainty, %',
  'AUROC of the error of the transform, %',
].entries()) {
  const all = runs.map((run) => run[i] * (i === 0 ? 1 : 100))
  console.log(`| ${name} | ${mean(all).toFixed(2)} | ${spread(all).toFixed(2)} |`)
}
