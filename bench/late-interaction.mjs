/**
 * Late interaction over a transformer's patch tokens as a reranker without training, on frozen tokens (`bench/frozen.mjs`): photographs of one part
 * search each other by the class token, the first 20 are reranked with the product's own scorer and int8 tokens. The weight is chosen on the classes for
 * learning, and measured on the others; of groceries, which have the same classes in both parts, on other photographs. Intervals: 2,000 bootstrap
 * samples of the queries, paired.
 *
 *     node bench/late-interaction.mjs --cache DIR --cars DIR [--data ../shared/data] [--sets birds,groceries,cars] [--top 20]
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom, unitRows } from '@lookalike/core'
import { centreTokens, createLateScorer, quantiseTokens } from '@lookalike/rerank'
import { frozenTokens } from './lib/frozen.mjs'
import { products } from './lib/linear-maps.mjs'
import { photoSet, SETS } from './lib/photo-sets.mjs'
import { mean } from './lib/seeds.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: fileURLToPath(new URL('../../shared/data', import.meta.url)) },
    cars: { type: 'string', default: '' },
    cache: { type: 'string', default: 'examples/.lookalike/frozen' },
    sets: { type: 'string', default: SETS.join(',') },
    top: { type: 'string', default: '20' },
  },
})
const [data, cache, cars] = ['data', 'cache', 'cars'].map((name) => path.resolve(values[name]))
const top = Number(values.top)
const WEIGHTS = [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2]
const scorer = await createLateScorer(192, { threads: 1 })

/** Of every query: whether the first result is right, for each weight; whether a right one is among the first `top`. */
async function search(items, all, part) {
  const rows = items.flatMap((item, row) => (item.part === part ? [row] : []))
  const classes = new Float32Array(rows.length * 192)
  rows.forEach((row, i) => classes.set(all.subarray(row * 65 * 192, row * 65 * 192 + 192), i * 192))
  const unit = unitRows(classes, 192)
  const cosines = await products(unit, unit, 192)
  const codes = rows.map((row) => {
    const tokens = all.slice((row * 65 + 1) * 192, (row + 1) * 65 * 192)
    centreTokens(tokens, 192)
    return quantiseTokens(tokens, 192)
  })
  let [spent, bytes] = [0, codes[0].tokens.byteLength + codes[0].embedding.byteLength]
  const queries = []
  for (let q = 0; q < rows.length; q++) {
    const own = cosines.subarray(q * rows.length, (q + 1) * rows.length)
    const list = Array.from(rows, (_, i) => i)
      .filter((i) => i !== q)
      .sort((a, b) => own[b] - own[a])
      .slice(0, top)
    const right = list.map((i) => items[rows[i]].label === items[rows[q]].label)
    const began = process.cpuUsage()
    const late = await scorer.score(
      codes[q],
      list.map((i) => codes[i]),
    )
    const { user, system } = process.cpuUsage(began)
    spent += (user + system) / 1000
    const first = WEIGHTS.map((weight) => {
      let best = 0
      list.forEach((i, at) => {
        if (own[i] + weight * late[at] > own[list[best]] + weight * late[best]) best = at
      })
      return right[best] ? 1 : 0
    })
    queries.push({ first, among: right.some(Boolean) ? 1 : 0 })
  }
  return { queries, milliseconds: spent / rows.length, bytes }
}

function bootstrap(differences) {
  const random = createRandom('bootstrap')
  const means = Array.from({ length: 2000 }, () => {
    let sum = 0
    for (let i = 0; i < differences.length; i++) sum += differences[random.integer(differences.length)]
    return (100 * sum) / differences.length
  }).sort((a, b) => a - b)
  return [means[50], means[1949]]
}

console.log(
  `| set | queries | weight, chosen | stage 1 | late interaction | difference [95 %] | errors | best of ${top} | weight on test itself | ms a query | bytes an image |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`,
)
for (const set of values.sets.split(',')) {
  const items = await photoSet(set, { data, cars })
  const { data: all } = await frozenTokens({ set, items, data, cache })
  const at = (found, w) => 100 * mean(found.queries.map(({ first }) => first[w]))
  const choosing = await search(items, all, 'learn')
  const best = (found) =>
    WEIGHTS.map((_, w) => at(found, w)).reduce((top_, value, w, list) => (value > list[top_] ? w : top_), 0)
  const w = best(choosing)
  const found = await search(items, all, 'measure')
  const [low, high] = bootstrap(found.queries.map(({ first }) => first[w] - first[0]))
  const [before, after] = [at(found, 0), at(found, w)]
  console.log(
    `| ${set} | ${found.queries.length} | ${WEIGHTS[w]} | ${before.toFixed(1)} | ${after.toFixed(1)} | ${(after - before).toFixed(1)} [${low.toFixed(1)}, ${high.toFixed(1)}] | ${(((before - after) / (100 - before)) * 100).toFixed(1)} % | ${(100 * mean(found.queries.map(({ among }) => among))).toFixed(1)} | ${WEIGHTS[best(found)]}: ${at(found, best(found)).toFixed(1)} | ${found.milliseconds.toFixed(1)} | ${found.bytes} |`,
  )
  console.error(
    `${set}, choosing: ${WEIGHTS.map((weight, i) => `${weight}: ${at(choosing, i).toFixed(1)}`).join(', ')}`,
  )
}
await scorer.dispose()
