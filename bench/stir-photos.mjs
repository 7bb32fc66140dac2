/**
 * Reranking on photographs, without leakage: birds (classes 1-25 learn, 26-50 are measured) and Cars-196 (98/98). Networks that see the pair by more and
 * more (`lib/pair-networks.mjs`) on the frozen tokens of MobileNetV2 at 224 px, trained on search results by the listwise softmax; beside them what needs
 * no training, and the same labels spent on the search alone. All choices (epoch, weight of the search's similarity, number of candidates) are made on a
 * third of the classes for learning, whose photographs search each other. Intervals: 2,000 bootstrap samples of the queries, paired, of the
 * mean over seeds.
 *
 * Stage 1: `light`, MobileNetV2 at 64 px; `untuned`, at 224 px; `cross-fitted`, a linear head on it trained with Proxy Anchor, of which the pairs of one half of
 * the classes are found by a head that learned from the other half.
 *
 *     node bench/stir-photos.mjs --cars DIR --cache DIR [--data ../shared/data] [--sets birds,cars] [--stages light,untuned,cross-fitted]
 *         [--rows head,places,blocks,match,match-head] [--seeds 0,1,2] [--results FILE] [--table] [--svg FILE]
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEmbeddings, createRandom, createRanking, selectRows, unitRows } from '@lookalike/core'
import { exactTopK } from '@lookalike/gallery'
import { createKReciprocal, createLateScorer, quantiseTokens } from '@lookalike/rerank'
import { drawCurves } from './lib/draw-curves.mjs'
import { frozenEmbeddings, frozenMap, kept } from './lib/frozen.mjs'
import { pick } from './lib/linear-maps.mjs'
import { PAIR_NETWORKS } from './lib/pair-networks.mjs'
import { photoSet } from './lib/photo-sets.mjs'
import { reduceTokens } from './lib/reduce-tokens.mjs'
import { mean } from './lib/seeds.mjs'
import { trainHead } from './lib/train-head.mjs'
import { trainPairs } from './lib/train-pairs.mjs'

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: fileURLToPath(new URL('../../shared/data', import.meta.url)) },
    cars: { type: 'string', default: '' },
    cache: { type: 'string', default: 'examples/.lookalike/frozen' },
    sets: { type: 'string', default: 'birds,cars' },
    stages: { type: 'string', default: 'light,untuned,cross-fitted' },
    rows: { type: 'string', default: PAIR_NETWORKS.join(',') },
    seeds: { type: 'string', default: '0,1,2' },
    epochs: { type: 'string', default: '1' },
    rate: { type: 'string', default: '0.002' },
    dim: { type: 'string', default: '64' },
    results: { type: 'string', default: 'stir-photos.jsonl' },
    threads: { type: 'string', default: '2' },
    table: { type: 'boolean', default: false },
    svg: { type: 'string' },
  },
})
const [data, cars, cache] = ['data', 'cars', 'cache'].map((name) => path.resolve(values[name]))
const threads = Number(values.threads)
const TOP = 20
/** Of MobileNetV2's last feature map at 224 px, 7 x 7. */
const PLACES = 49
/** How many candidates are tried. */
const TOPS = [5, 10, 20]
/** Weights of the search's similarity that are tried. */
const WEIGHTS = [0, 1, 2, 5, 10, 15, 20, 30, 50, 100]
/** Photographs of a class: as many as a busy machine does in an hour. */
const MOST = { birds: () => 24, cars: (part) => (part === 'learn' ? 12 : 8) }

const known = () =>
  existsSync(values.results)
    ? readFileSync(values.results, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((l) => JSON.parse(l))
    : []

async function openSet(set) {
  const items = await photoSet(set, { data, cars, most: MOST[set] })
  const given = { set, items, data, cache, threads }
  const heavy = await frozenEmbeddings({ ...given, model: 'mobilenet-224' })
  const light = await frozenEmbeddings({ ...given, model: 'mobilenet-64' })
  const dim = Number(values.dim)
  const reduced = await kept(path.join(cache, `${set}-map-${dim}.f32`), async () =>
    reduceTokens(await frozenMap(given), items, dim),
  )
  const tokens = { data: reduced, places: PLACES, channels: dim }
  const rowsOf = (part) => items.flatMap((item, row) => (item.part === part ? [row] : []))
  return {
    set,
    items,
    tokens,
    heavy: { ...heavy, data: unitRows(heavy.data, heavy.dim) },
    light: { ...light, data: unitRows(light.data, light.dim) },
    learn: rowsOf('learn'),
    measured: rowsOf('measure'),
  }
}

/** The first candidates of queries among a gallery, by `search`, with the similarity that the pair's logit is added to, by `base`. */
async function listsOf({ items }, search, base, queries, gallery) {
  const of = ({ data: all, dim }, rows) =>
    createEmbeddings({ data: pick(all, dim, rows), rows: rows.length, dim, space: 'bench', role: 'any' })
  const found = await exactTopK(of(search, queries), of(search, gallery), TOP + 1, { threads })
  return found.flatMap(({ positions }, i) => {
    const query = queries[i]
    const { label } = items[query]
    if (!gallery.some((row) => row !== query && items[row].label === label)) return []
    const candidates = Array.from(positions, (position) => gallery[position])
      .filter((row) => row !== query)
      .slice(0, TOP)
    const { data: all, dim } = base
    const similarity = candidates.map((row) => {
      let sum = 0
      for (let d = 0; d < dim; d++) sum += all[query * dim + d] * all[row * dim + d]
      return sum
    })
    return [{ query, candidates, similarity, right: candidates.map((row) => items[row].label === label) }]
  })
}

/** Lists to train on, to choose by and to measure on, of one stage 1. */
async function openStage(opened, stage, seed) {
  const { items, learn, measured, heavy, light } = opened
  const classes = [...new Set(learn.map((row) => items[row].label))]
  const order = createRandom(`folds ${seed}`).permutation(classes.length)
  const place = new Map(Array.from(order, (c, i) => [classes[c], i]))
  const isHeld = (row) => place.get(items[row].label) < Math.round(classes.length / 3)
  const fit = learn.filter((row) => !isHeld(row))
  const held = learn.filter(isHeld)
  if (stage !== 'cross-fitted') {
    const search = stage === 'light' ? light : heavy
    return {
      search,
      fit: await listsOf(opened, search, heavy, fit, fit),
      held: await listsOf(opened, search, heavy, held, held),
      test: await listsOf(opened, search, heavy, measured, measured),
    }
  }
  const headOf = (rows) => trainHead(heavy, items, rows, { seed, threads })
  const halves = [0, 1].map((half) => fit.filter((row) => place.get(items[row].label) % 2 === half))
  const [first, second, all] = [await headOf(halves[0]), await headOf(halves[1]), await headOf(learn)]
  const fitted = await headOf(fit)
  return {
    search: all,
    fit: [
      ...(await listsOf(opened, second, second, halves[0], halves[0])),
      ...(await listsOf(opened, first, first, halves[1], halves[1])),
    ],
    held: await listsOf(opened, fitted, fitted, held, held),
    test: await listsOf(opened, all, all, measured, measured),
  }
}

/** Of each list 1 where the first one of the best `top` by `logits + weight * similarity` is right; `weight` undefined: as they came. */
function firstRight(lists, logits, weight, top) {
  let at = 0
  return lists.map(({ candidates, similarity, right }) => {
    const value = (i) => (weight === undefined ? -i : logits[at + i] + weight * similarity[i])
    let best = 0
    for (let i = 1; i < Math.min(top, candidates.length); i++) if (value(i) > value(best)) best = i
    at += candidates.length
    return right[best] ? 1 : 0
  })
}

/** Weight and number of candidates by the held-out classes; then the queries that are measured. */
function judged(stage, logits) {
  const tried = TOPS.flatMap((top) =>
    WEIGHTS.map((weight) => ({ top, weight, held: mean(firstRight(stage.held, logits.held, weight, top)) })),
  )
  const best = tried.reduce((a, b) => (b.held > a.held ? b : a))
  const at = (top) => {
    const { weight } = tried.filter((one) => one.top === top).reduce((a, b) => (b.held > a.held ? b : a))
    return firstRight(stage.test, logits.test, weight, top).join('')
  }
  return { chosen: best, hits: Object.fromEntries(TOPS.map((top) => [top, at(top)])) }
}

async function lateLogits({ tokens }, lists) {
  const { data: all, places, channels } = tokens
  const scorer = await createLateScorer(channels, { threads })
  const code = (row) => quantiseTokens(all.slice(row * places * channels, (row + 1) * places * channels), channels)
  const logits = []
  // Of the order of the logits of a trained network.
  for (const { query, candidates } of lists)
    logits.push(...Array.from(await scorer.score(code(query), candidates.map(code)), (value) => 10 * value))
  await scorer.dispose()
  return Float32Array.from(logits)
}

async function kReciprocal({ items, measured }, search, test) {
  const all = createEmbeddings({
    data: pick(search.data, search.dim, measured),
    rows: measured.length,
    dim: search.dim,
    space: 'bench',
    role: 'any',
  })
  const nearest = (rows, k) => exactTopK(rows, all, k, { threads })
  const reranker = createKReciprocal()
  await reranker.prepare({ embeddings: all, nearest })
  const at = new Map(measured.map((row, i) => [row, i]))
  let hits = ''
  for (const { query } of test) {
    const own = selectRows(all, [at.get(query)])
    const [{ positions, distances }] = await nearest(own, 101)
    const kept = Array.from(positions.keys())
      .filter((i) => positions[i] !== at.get(query))
      .slice(0, 100)
    const ranking = createRanking(
      Int32Array.from(kept, (i) => positions[i]),
      Float32Array.from(kept, (i) => distances[i]),
    )
    const request = { ranking, query: own, candidates: selectRows(all, ranking.positions) }
    const { ranking: reranked } = await reranker.rerank(request)
    hits += items[measured[reranked.positions[0]]].label === items[query].label ? 1 : 0
  }
  await reranker.dispose()
  return hits
}

async function run() {
  for (const set of values.sets.split(',')) {
    let opened
    for (const stageName of values.stages.split(',')) {
      for (const seed of values.seeds.split(',').map(Number)) {
        let stage
        for (const row of ['without training', ...values.rows.split(',')]) {
          if (row === 'without training' && stageName !== 'cross-fitted' && seed > 0) continue
          const key = [
            set,
            stageName,
            row,
            seed,
            row === 'without training' ? '' : `${values.epochs}/${values.rate}`,
          ].join()
          if (known().some((line) => line.key === key)) continue
          opened ??= await openSet(set)
          stage ??= await openStage(opened, stageName, seed)
          const began = performance.now()
          const result = await (row === 'without training'
            ? untrained(opened, stage)
            : trained(opened, stage, row, seed))
          const seconds = Math.round((performance.now() - began) / 1000)
          appendFileSync(
            values.results,
            `${JSON.stringify({ key, set, stage: stageName, row, seed, seconds, ...result })}\n`,
          )
          console.error(`${key} | ${seconds} s`)
        }
      }
    }
  }
}

async function untrained(opened, stage, stageName) {
  const nothing = { held: new Float32Array(stage.held.length * TOP), test: new Float32Array(stage.test.length * TOP) }
  const among = (top) => stage.test.map(({ right }) => (right.slice(0, top).some(Boolean) ? 1 : 0)).join('')
  const plain = {
    before: firstRight(stage.test, nothing.test, undefined, TOP).join(''),
    among: Object.fromEntries(TOPS.map((top) => [top, among(top)])),
    distance: Object.fromEntries(TOPS.map((top) => [top, firstRight(stage.test, nothing.test, 1, top).join('')])),
  }
  // Every seed has a search of its own there: what takes long is left out.
  if (stageName === 'cross-fitted') return plain
  const late = { held: await lateLogits(opened, stage.held), test: await lateLogits(opened, stage.test) }
  return { ...plain, late: judged(stage, late), kReciprocal: await kReciprocal(opened, stage.search, stage.test) }
}

async function trained({ tokens }, stage, row, seed) {
  const { score, figures, dispose } = await trainPairs(row, tokens, stage, {
    seed,
    threads,
    epochs: Number(values.epochs),
    learningRate: Number(values.rate),
  })
  const logits = { held: await score(stage.held), test: await score(stage.test) }
  await dispose()
  return { figures, ...judged(stage, logits) }
}

/** Mean over seeds, %, of strings of 0 and 1; for each query its mean over seeds. */
const perQuery = (strings) => Array.from(strings[0], (_, q) => mean(strings.map((one) => Number(one[q]))))

function difference(after, before) {
  const gained = after.map((value, q) => value - before[q])
  const random = createRandom('bootstrap')
  const means = Array.from({ length: 2000 }, () => {
    let sum = 0
    for (let i = 0; i < gained.length; i++) sum += gained[random.integer(gained.length)]
    return (100 * sum) / gained.length
  }).sort((a, b) => a - b)
  return `${(100 * mean(gained)).toFixed(1)} [${means[50].toFixed(1)}, ${means[1949].toFixed(1)}]`
}

function table() {
  const all = known()
  for (const set of values.sets.split(',')) {
    for (const stage of values.stages.split(',')) {
      const lines = all.filter((line) => line.set === set && line.stage === stage)
      const base = lines.filter(({ row }) => row === 'without training')
      if (base.length === 0) continue
      const before = perQuery(base.map((line) => line.before))
      const cmc = (list) => (100 * mean(list)).toFixed(1)
      console.log(
        `\n${set}, stage 1 ${stage}: CMC@1 ${cmc(before)}, CMC@5 ${cmc(perQuery(base.map((l) => l.among[5])))}, CMC@20 ${cmc(perQuery(base.map((l) => l.among[20])))}; ${before.length} queries\n`,
      )
      console.log(
        '| row | 5 | 10 | 20 | chosen | difference | errors | over the distance alone | seeds |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
      )
      const show = (name, group, hitsOf, chosenOf) => {
        // A search that is trained has seeds of its own.
        const own =
          stage === 'cross-fitted' ? base.filter(({ seed }) => group.some((line) => line.seed === seed)) : base
        const before = perQuery(own.map((line) => line.before))
        const alone = perQuery(own.map((line) => line.distance[TOP]))
        const chosen = perQuery(group.map((line) => hitsOf(line)[chosenOf(line)]))
        const errors = (100 * (mean(before) - mean(chosen))) / (1 - mean(before))
        console.log(
          `| ${name} | ${TOPS.map((top) => cmc(perQuery(group.map((l) => hitsOf(l)[top])))).join(' | ')} | ${cmc(chosen)} (${[...new Set(group.map(chosenOf))].join(', ')}) | ${difference(chosen, before)} | ${errors.toFixed(1)} % | ${difference(chosen, alone)} | ${group.length} |`,
        )
      }
      if (stage === 'light')
        show(
          "the pair model's own distance",
          base,
          (l) => l.distance,
          () => 20,
        )
      const slow = base.filter(({ late }) => late)
      if (slow.length > 0)
        show(
          'late interaction, no training',
          slow,
          (l) => l.late.hits,
          (l) => l.late.chosen.top,
        )
      if (slow.length > 0)
        show(
          'k-reciprocal, 100',
          slow,
          (l) => ({ 5: l.kReciprocal, 10: l.kReciprocal, 20: l.kReciprocal }),
          () => 20,
        )
      for (const row of PAIR_NETWORKS) {
        const group = lines.filter((line) => line.row === row)
        if (group.length > 0)
          show(
            row,
            group,
            (l) => l.hits,
            (l) => l.chosen.top,
          )
      }
    }
  }
}

/** CMC@1 against the number of candidates, of the first set and stage 1. */
function draw() {
  const [set] = values.sets.split(',')
  const [stage] = values.stages.split(',')
  const lines = known().filter((line) => line.set === set && line.stage === stage)
  const base = lines.find(({ row }) => row === 'without training')
  const share = (hits) => mean(Array.from(hits, Number))
  const curve = (hits) => [[1, share(base.before)], ...TOPS.map((top) => [top, share(hits[top])])]
  const trained = PAIR_NETWORKS.flatMap((row) => {
    const group = lines.filter((line) => line.row === row)
    return row === 'match' && group.length > 0
      ? [{ label: 'tokens attend to the other image, trained', lines: group.map((line) => curve(line.hits)) }]
      : []
  })
  const series = [
    { label: 'a right one among them', lines: [curve(base.among)] },
    { label: "the pair model's own distance", lines: [curve(base.distance)] },
    { label: 'late interaction, no training', lines: [curve(base.late.hits)] },
    ...trained,
  ]
  writeFileSync(values.svg, drawCurves(series, { x: 'candidates', y: 'CMC@1' }))
}

if (!values.table) await run()
table()
if (values.svg) draw()
