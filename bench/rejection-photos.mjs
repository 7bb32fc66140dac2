// Rejection as the paper counts it: one mate a query, galleries with spoilt images, error among the queries whose mate is kept.
// node bench/rejection-photos.mjs --cache DIR --cars DIR [--data ../shared/data] [--sets birds,groceries,cars] [--draws 8] [--gallery 400] [--spoilt 0.15]
//   [--out DIR] [--svg FILE]
// A draw takes photographs of classes that learning has not seen as the gallery, spoils a share of them (`degrade`) and searches it with a random
// 85 % crop of each, flipped and recoloured at random. MobileNetV2 at 64 pixels is the query model; at 96 and 128 pixels it, and the small
// transformer, are the gallery models, mapped by least squares on the photographs of the other classes; the ridge is chosen on a held-out fifth of them. One line of results.jsonl a draw; what is there is not repeated.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { combineMembers, pairwiseUncertainty } from '@lookalike/asymmetric'
import { createRandom, createRanking, unitRows } from '@lookalike/core'
import { galleryRejection, galleryThreshold, verificationAtCoverage } from '@lookalike/evaluate'
import { embedImages } from '@lookalike/image'
import { colorJitter, decodeForTraining, degrade, flip } from '@lookalike/train'
import { drawCurves } from './lib/draw-curves.mjs'
import { frozenEmbeddings, frozenEncoder } from './lib/frozen.mjs'
import { interval } from './lib/intervals.mjs'
import { learnMap, products, toRows } from './lib/linear-maps.mjs'
import { photoSet, SETS } from './lib/photo-sets.mjs'
import { mean } from './lib/seeds.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: fileURLToPath(new URL('../../shared/data', import.meta.url)) },
    cars: { type: 'string', default: '' },
    cache: { type: 'string', default: 'examples/.lookalike/frozen' },
    sets: { type: 'string', default: SETS.join(',') },
    draws: { type: 'string', default: '8' },
    gallery: { type: 'string', default: '400' },
    spoilt: { type: 'string', default: '0.15' },
    out: { type: 'string', default: 'examples/.lookalike/rejection' },
    svg: { type: 'string' },
  },
})
const [data, cache, cars, out] = ['data', 'cache', 'cars', 'out'].map((name) => path.resolve(values[name]))
mkdirSync(out, { recursive: true })
const log = path.join(out, 'results.jsonl')
const LIGHT = 'mobilenet-64'
const HEAVY = ['mobilenet-96', 'mobilenet-128', 'vit']
const RIDGES = [1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
const COVERAGES = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7]
const TARGETS = [0.1, 0.2, 0.3, 0.4]
/** What is called low: the false match rate of verification. */
const RATE = 0.01

const encoders = Object.fromEntries(
  await Promise.all([LIGHT, ...HEAVY].map(async (model) => [model, await frozenEncoder(model, data)])),
)
/** The same photograph as somebody else would show it: a part of 85 % of its area, flipped, recoloured. */
const views = [
  degrade({ faults: ['wrong-crop'], wrongCrop: [0.85, 0.85] }),
  flip({ probability: 0.5 }),
  colorJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 }),
]

async function embed(model, images) {
  const { embeddings } = await embedImages(
    encoders[model],
    images.map((source) => ({ source })),
    { onCorrupt: 'fail' },
  )
  return { data: embeddings.data, dim: embeddings.dim }
}

/** A map a gallery model from all photographs of the other classes; the ridge is chosen by how many held-out pairs find each other. */
async function learnMaps(set, items) {
  const all = {}
  for (const model of [LIGHT, ...HEAVY]) all[model] = await frozenEmbeddings({ set, items, model, data, cache })
  const learn = items.flatMap(({ part }, row) => (part === 'learn' ? [row] : []))
  const maps = {}
  for (const model of HEAVY) maps[model] = await learnMap(toRows(all[model], learn), toRows(all[LIGHT], learn), RIDGES)
  return { all, maps }
}

/** AUROC of a score for telling the marked from the others. */
function auroc(scores, marked) {
  let [above, pairs] = [0, 0]
  scores.forEach((score, i) => {
    if (!marked[i]) return
    scores.forEach((other, j) => {
      if (marked[j]) return
      pairs++
      above += score > other ? 1 : score === other ? 0.5 : 0
    })
  })
  return above / pairs
}

async function rankingsOf(queries, gallery, dim) {
  const all = await products(queries, gallery, dim)
  const columns = gallery.length / dim
  return Array.from({ length: queries.length / dim }, (_, row) => {
    const distances = Float32Array.from(all.subarray(row * columns, (row + 1) * columns), (value) => 1 - value)
    const positions = Int32Array.from(distances, (_, i) => i).sort((a, b) => distances[a] - distances[b])
    return createRanking(
      positions,
      Float32Array.from(positions, (i) => distances[i]),
    )
  })
}

async function draw(set, items, { all, maps }, seed) {
  const random = createRandom(`rejection/${set}/${seed}`)
  const measured = items.flatMap(({ part }, row) => (part === 'measure' ? [row] : []))
  const count = Math.min(Number(values.gallery), measured.length)
  const rows = Array.from(random.fork('gallery').permutation(measured.length).slice(0, count), (at) => measured[at])
  const spoiltCount = Math.round(count * Number(values.spoilt))
  // No model gets more than 128 pixels; a busy machine may take its time.
  const images = []
  for (const row of rows)
    images.push(await decodeForTraining({ source: items[row].source }, 128, [255, 255, 255], { deadline: 600_000 }))
  const target = { width: 128, height: 128 }
  const queryImages = images.map((image, i) =>
    views.reduce((now, view, j) => view.apply(now, random.fork(`query/${i}/${j}`), target), image),
  )
  const light = await embed(LIGHT, queryImages)
  const queries = unitRows(light.data, light.dim)
  const spoil = degrade()
  const spoiltImages = images
    .slice(0, spoiltCount)
    .map((image, i) => spoil.apply(image, random.fork(`spoil/${i}`), target))
  const result = {
    set,
    seed,
    ridges: HEAVY.map((model) => maps[model].ridge),
  }
  const clean = {}
  const spoilt = {}
  for (const model of HEAVY) {
    clean[model] = await maps[model].apply(toRows(all[model], rows).data)
    spoilt[model] = clean[model].slice()
    spoilt[model].set(await maps[model].apply((await embed(model, spoiltImages)).data), 0)
  }
  const labels = Array.from({ length: count }, (_, i) => i)
  const truth = { queryLabels: labels, galleryLabels: labels }
  const marked = labels.map((i) => i < spoiltCount)
  for (const [name, members] of Object.entries({ two: HEAVY.slice(0, 2), three: HEAVY })) {
    for (const [state, parts] of Object.entries({ clean, spoilt })) {
      const given = members.map((model) => parts[model])
      const uncertainty = pairwiseUncertainty(given, light.dim)
      const rankings = await rankingsOf(queries, combineMembers(given, light.dim, 'mean'), light.dim)
      const found = galleryRejection(rankings, truth, uncertainty, { coverages: COVERAGES, seed })
      const verified = verificationAtCoverage(rankings, truth, uncertainty, { coverages: [1, 0.9, 0.8], rate: RATE })
      const own = { ...found, fnmr: verified.fnmr, tar: verified.tar }
      if (state === 'spoilt') own.auroc = auroc(uncertainty, marked)
      // Half of the queries calibrate, the others are counted.
      own.targets = TARGETS.map((wanted) => {
        const half = random.fork('halves').permutation(count)
        const [calibrate, count_] = [half.slice(0, count / 2), half.slice(count / 2)]
        const part = (of) => ({
          rankings: Array.from(of, (i) => rankings[i]),
          truth: { queryLabels: Array.from(of), galleryLabels: labels },
        })
        const a = part(calibrate)
        let threshold = -Infinity
        try {
          threshold = galleryThreshold(a.rankings, a.truth, uncertainty, wanted)
        } catch (error) {
          // A target that only an empty gallery would meet.
          if (error.code !== 'metrics/target') throw error
        }
        const kept = (i) => uncertainty[i] < threshold
        let [errors, answerable] = [0, 0]
        for (const i of count_) {
          if (!kept(i)) continue
          answerable++
          if (rankings[i].positions.find(kept) !== i) errors++
        }
        return {
          wanted,
          coverage: labels.filter(kept).length / count,
          risk: errors / count_.length,
          errorAmongKept: errors / Math.max(1, answerable),
        }
      })
      result[`${name}/${state}`] = own
    }
  }
  return result
}

const lines = existsSync(log)
  ? readFileSync(log, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : []
for (const set of values.sets.split(',')) {
  const items = await photoSet(set, { data, cars })
  let learned
  for (let seed = 0; seed < Number(values.draws); seed++) {
    const key = `${set}/${seed}/${values.gallery}/${values.spoilt}`
    if (lines.some((line) => line.key === key)) continue
    const started = performance.now()
    const line = {
      key,
      ...(await draw(set, items, (learned ??= await learnMaps(set, items)), seed)),
      seconds: (performance.now() - started) / 1000,
    }
    appendFileSync(log, `${JSON.stringify(line)}\n`)
    lines.push(line)
    console.error(`${key}: ${line.seconds.toFixed(0)} s`)
  }
}

const percent = (before, after) => (100 * (after - before)) / before
console.log(
  `Draws 0 to ${Number(values.draws) - 1}; mean [95 % interval] over draws. Change of the error among queries whose mate is kept, in % of itself.\n`,
)
for (const members of ['two', 'three']) {
  for (const state of ['clean', 'spoilt']) {
    console.log(
      `\n${members} gallery models, ${state === 'clean' ? 'gallery as it is' : `${100 * Number(values.spoilt)} % of the gallery spoilt`}\n`,
    )
    console.log(
      '| set | error, % | reject | least sure first | random | oracle | strict count | FNMR, % | TAR, % | AUROC |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    )
    for (const set of values.sets.split(',')) {
      const own = lines
        .filter((line) => line.set === set && line.key.endsWith(`/${values.gallery}/${values.spoilt}`))
        .map((line) => line[`${members}/${state}`])
      for (const coverage of [0.9, 0.8]) {
        const at = COVERAGES.indexOf(coverage)
        const change = (name) => interval(own.map((line) => percent(line[name][0], line[name][at])))
        const risk = interval(own.map(({ risk }) => 100 * risk[0]))
        const moved = (name) =>
          `${(100 * mean(own.map((line) => line[name][0]))).toFixed(1)} -> ${(100 * mean(own.map((line) => line[name][1 + [0.9, 0.8].indexOf(coverage)]))).toFixed(1)}`
        const told =
          own[0].auroc === undefined
            ? ''
            : interval(
                own.map((line) => line.auroc),
                3,
              )
        console.log(
          `| ${set} | ${risk} | ${Math.round(100 * (1 - coverage))} % | ${change('risk')} | ${change('randomRisk')} | ${change('oracleRisk')} | ${change('strictRisk')} | ${moved('fnmr')} | ${moved('tar')} | ${told} |`,
        )
      }
    }
  }
}
console.log(
  '\nTarget risks, two gallery models, spoilt: half of the queries calibrate, the others are counted.\n\n| set | target, % | wrong among all queries, % | images kept, % | error among the kept, % |\n| --- | --- | --- | --- | --- |',
)
for (const set of values.sets.split(',')) {
  const own = lines.filter((line) => line.set === set && line.key.endsWith(`/${values.gallery}/${values.spoilt}`))
  TARGETS.forEach((wanted, at) => {
    const of = (name) => interval(own.map((line) => 100 * line['two/spoilt'].targets[at][name]))
    console.log(`| ${set} | ${100 * wanted} | ${of('risk')} | ${of('coverage')} | ${of('errorAmongKept')} |`)
  })
}
if (values.svg) {
  const curve = (set, name) => ({
    label: `${set}, ${name === 'risk' ? 'least sure first' : name === 'randomRisk' ? 'random' : 'oracle'}`,
    lines: [
      COVERAGES.map((coverage, at) => [
        100 * (1 - coverage),
        mean(lines.filter((line) => line.set === set).map((line) => line['two/spoilt'][name][at])),
      ]),
    ],
  })
  const [first] = values.sets.split(',')
  writeFileSync(
    values.svg,
    drawCurves(
      ['risk', 'randomRisk', 'oracleRisk'].map((name) => curve(first, name)),
      { x: 'gallery rejected, %', y: 'error where the mate is kept' },
    ),
  )
}
