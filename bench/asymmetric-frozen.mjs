/**
 * Asymmetric search on photographs with the paper's cosine, on frozen embeddings (`bench/frozen.mjs`): MobileNetV2 at 64 pixels asks, MobileNetV2 at 96
 * and at 128 pixels and the small transformer are the gallery models, mapped by least squares. R@1 among photographs of classes that nothing was learned
 * from. A seed draws which four fifths of the other classes the maps learn from; the last fifth chooses: the ridge (held-out pairs that find each
 * other), members to leave out and weights (held-out recall of each member alone). Prints the paired differences with 95 % intervals.
 *
 *     node bench/asymmetric-frozen.mjs --cache DIR --cars DIR [--data ../shared/data] [--sets birds,groceries,cars] [--seeds 5]
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom, unitRows } from '@lookalike/core'
import { frozenEmbeddings } from './lib/frozen.mjs'
import { interval } from './lib/intervals.mjs'
import { firstRight, learnMap, toRows } from './lib/linear-maps.mjs'
import { photoSet, SETS } from './lib/photo-sets.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: fileURLToPath(new URL('../../shared/data', import.meta.url)) },
    cars: { type: 'string', default: '' },
    cache: { type: 'string', default: 'examples/.lookalike/frozen' },
    sets: { type: 'string', default: SETS.join(',') },
    seeds: { type: 'string', default: '5' },
  },
})
const [data, cache, cars] = ['data', 'cache', 'cars'].map((name) => path.resolve(values[name]))
const LIGHT = 'mobilenet-64'
const HEAVY = ['mobilenet-96', 'mobilenet-128', 'vit']
const RIDGES = [1e-4, 1e-3, 1e-2, 1e-1]

/** The normalised weighted sum of members' unit rows. */
function joined(parts, weights, dim) {
  const sum = new Float32Array(parts[0].length)
  parts.forEach((part, k) => {
    for (let i = 0; i < sum.length; i++) sum[i] += weights[k] * part[i]
  })
  return unitRows(sum, dim)
}

/** A query head distilled from the gallery models: a linear map of the query's vector onto all of theirs side by side. */
async function distilled(all, learn, test, labels) {
  const row = {}
  const side = (rows) => {
    const parts = HEAVY.map((model) => unitRows(toRows(all[model], rows).data, all[model].dim))
    const width = HEAVY.reduce((sum, model) => sum + all[model].dim, 0)
    const out = new Float32Array(rows.length * width)
    let offset = 0
    parts.forEach((part, k) => {
      const { dim: own_ } = all[HEAVY[k]]
      for (let r = 0; r < rows.length; r++) out.set(part.subarray(r * own_, (r + 1) * own_), r * width + offset)
      offset += own_
    })
    return { data: out, dim: width }
  }
  const head = await learnMap(toRows(all[LIGHT], learn), side(learn), RIDGES)
  const query = await head.apply(toRows(all[LIGHT], test).data)
  const gallery = side(test)
  row['distilled query head, gallery models side by side'] = await firstRight(
    query,
    unitRows(gallery.data, gallery.dim),
    gallery.dim,
    labels,
  )
  row['distilled query head on both sides'] = await firstRight(query, query, gallery.dim, labels)
  const sides = unitRows(gallery.data, gallery.dim)
  row['gallery models side by side on both sides (their query cost)'] = await firstRight(
    sides,
    sides,
    gallery.dim,
    labels,
  )
  return row
}

async function measure(set, items, seed) {
  const all = {}
  for (const model of [LIGHT, ...HEAVY]) all[model] = await frozenEmbeddings({ set, items, model, data, cache })
  const { dim } = all[LIGHT]
  const random = createRandom(`asymmetric/${set}/${seed}`)
  const rowsOf = (wanted) => items.flatMap((item, row) => (wanted(item) ? [row] : []))
  const classes = [...new Set(items.filter(({ part }) => part === 'learn').map(({ label }) => label))].sort()
  const order = random.permutation(classes.length)
  const held = new Set(Array.from(order.slice(0, Math.ceil(classes.length / 5)), (at) => classes[at]))
  // Groceries have the same classes in both parts: there the held-out fifth is one of classes as well.
  const learn = rowsOf(({ part, label }) => part === 'learn' && !held.has(label))
  const choose = rowsOf(({ part, label }) => part === 'learn' && held.has(label))
  const test = rowsOf(({ part }) => part === 'measure')
  const labels = { choose: choose.map((row) => items[row].label), test: test.map((row) => items[row].label) }
  const light = {
    choose: unitRows(toRows(all[LIGHT], choose).data, dim),
    test: unitRows(toRows(all[LIGHT], test).data, dim),
  }
  const row = {}
  row['query model on both sides'] = await firstRight(light.test, light.test, dim, labels.test)
  const members = []
  for (const model of HEAVY) {
    const map = await learnMap(toRows(all[model], learn), toRows(all[LIGHT], learn), RIDGES)
    const chosen = await map.apply(toRows(all[model], choose).data)
    const tested = await map.apply(toRows(all[model], test).data)
    members.push({
      model,
      chosen,
      tested,
      ridge: map.ridge,
      recall: await firstRight(light.choose, chosen, dim, labels.choose),
    })
    row[`${model} alone, transformed`] = await firstRight(light.test, tested, dim, labels.test)
  }
  const on = (part, of, weights) =>
    joined(
      of.map((member) => member[part]),
      weights,
      dim,
    )
  const recallOf = (part, of, weights) =>
    firstRight(
      light[part === 'chosen' ? 'choose' : 'test'],
      on(part, of, weights),
      dim,
      labels[part === 'chosen' ? 'choose' : 'test'],
    )
  const ones = (of) => of.map(() => 1)
  row['ensemble, mean'] = await recallOf('tested', members, ones(members))
  const byRecall = members.map(({ recall }) => recall ** 2)
  row['ensemble, weighted by held-out recall'] = await recallOf('tested', members, byRecall)
  let best = { recall: -1 }
  for (let mask = 1; mask < 2 ** members.length; mask++) {
    const of = members.filter((_, k) => mask & (2 ** k))
    if (of.length < 2) continue
    const recall = await recallOf('chosen', of, ones(of))
    if (recall > best.recall) best = { recall, of }
  }
  row['ensemble, members by held-out recall'] = await recallOf('tested', best.of, ones(best.of))
  // The query model's own vectors are a member too: mapped by the identity, and as many as the others together.
  const own = { chosen: light.choose, tested: light.test }
  const share = { recall: -1 }
  for (const weight of [0, 0.25, 0.5, 1, 2, 4]) {
    const recall = await recallOf('chosen', [...best.of, own], [...ones(best.of), weight])
    if (recall > share.recall) Object.assign(share, { recall, weight })
  }
  row['ensemble with the query model as a member'] = await recallOf(
    'tested',
    [...best.of, own],
    [...ones(best.of), share.weight],
  )
  Object.assign(row, await distilled(all, learn, test, labels.test))
  console.error(
    `${set}, seed ${seed}: ridges ${members.map(({ ridge }) => ridge).join(', ')}; members ${best.of.map(({ model }) => model).join(' + ')}; own weight ${share.weight}`,
  )
  return row
}

for (const set of values.sets.split(',')) {
  const items = await photoSet(set, { data, cars })
  const rows = []
  for (let seed = 0; seed < Number(values.seeds); seed++) rows.push(await measure(set, items, seed))
  console.log(
    `\n${set}, ${rows.length} seeds: R@1, % [95 % interval]\n\n| | R@1 | over the query model on both sides | over the best member alone |\n| --- | --- | --- | --- |`,
  )
  const bestAlone = rows.map((row) =>
    Math.max(
      ...Object.entries(row)
        .filter(([name]) => name.endsWith('alone, transformed'))
        .map(([, value]) => value),
    ),
  )
  for (const name of Object.keys(rows[0])) {
    const over = (base) => interval(rows.map((row, i) => row[name] - base(row, i)))
    console.log(
      `| ${name} | ${interval(rows.map((row) => row[name]))} | ${over((row) => row['query model on both sides'])} | ${over((_, i) => bestAlone[i])} |`,
    )
  }
}
