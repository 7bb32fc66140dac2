/**
 * The table of an ensemble of context-sensitive models over seeds, and the search cost of K members against one. Encoders and people's triples
 * are read from ../shared/data; seeds draw contexts, splits and batches. Prints a line a seed as it is done, then means and ranges.
 *
 *     npx turbo run build && node bench/ensemble.mjs --set materials|shoes|mixed|emoji|objects|cost [--seeds 0,1,2] [--contexts 8|reference|category] [--references 1]
 *         [--bases imagenet,birds,mini] [--each turn|cross] [--member head|all] [--size 224] [--epochs 6] [--batch 32] [--rate 1e-3] [--decay 3e-3]
 *         [--look BASE: the encoder that the weights look at] [--answers 60: triples of a validation object] [--data ../shared/data] [--objects DIR] [--objective cosine|paper] [--centred yes|no] [--validation 300] [--most 2000] [--threads 2]
 *
 * Materials: the authors' test triples; 30 of the 100 references fit the weights. Shoes: cut by shoe, 45 / 25 / 30 %. Emoji: drawings of one
 * style, 1,000 triples a context from `--references` references of one group, `--validation` and 500 test references with 9 triples each.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createEmbeddings, createRandom } from '@lookalike/core'
import { annotatorAgreement, loadEmojiTriples, loadTriples } from '@lookalike/datasets'
import { createMiniEncoder, createNetworkEncoder } from '@lookalike/encoders'
import { exactEngine } from '@lookalike/gallery'
import { openEmbeddingCache } from '@lookalike/image'
import { loadModel } from '@lookalike/onnx'
import { measureEnsemble } from './lib/ensemble-table.mjs'
import { frozenEncoder } from './lib/frozen.mjs'

const { values } = parseArgs({
  options: {
    set: { type: 'string', default: 'materials' },
    seeds: { type: 'string', default: '0,1,2' },
    contexts: { type: 'string', default: '8' },
    references: { type: 'string', default: '1' },
    bases: { type: 'string', default: 'imagenet' },
    each: { type: 'string', default: 'turn' },
    member: { type: 'string', default: 'head' },
    size: { type: 'string', default: '224' },
    epochs: { type: 'string', default: '6' },
    batch: { type: 'string', default: '32' },
    rate: { type: 'string', default: '1e-3' },
    decay: { type: 'string', default: '3e-3' },
    objective: { type: 'string', default: 'cosine' },
    centred: { type: 'string', default: 'yes' },
    validation: { type: 'string', default: '300' },
    most: { type: 'string', default: '2000' },
    threads: { type: 'string', default: '2' },
    look: { type: 'string' },
    answers: { type: 'string', default: '60' },
    data: { type: 'string' },
    objects: { type: 'string' },
    cache: { type: 'string', default: 'examples/.lookalike' },
  },
})
const number = (name) => Number(values[name])
const shared = values.data ?? fileURLToPath(new URL('../../shared/data', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))

if (values.set === 'cost') await searchCost()
else if (existsSync(shared)) await table()
else console.log(`${shared} is not there: nothing is measured`)

async function table() {
  const encoders = await Promise.all(values.bases.split(',').map(openBase))
  const options = {
    member: values.member,
    each: values.each,
    ...(values.look && { look: values.bases.split(',').indexOf(values.look) }),
    together: true,
    most: number('most'),
    components: 64,
    centred: values.centred === 'yes',
    epochs: number('epochs'),
    batchSize: number('batch'),
    learningRate: number('rate'),
    weightDecay: number('decay'),
    objective: values.objective,
    temperature: 0.1,
    threads: number('threads'),
    onMember: (name, local) => console.error(`${name}: ${local.toFixed(1)} % of its held-out third`),
    ...(values.member === 'head' && {
      openCache: (space, dim) => openEmbeddingCache(path.resolve(values.cache, 'embeddings'), space, dim),
    }),
  }
  const rows = []
  for (const seed of values.seeds.split(',').map(Number)) {
    const dataset = await load(seed)
    const row = await measureEnsemble(dataset, encoders, options, seed, (network, { name, input }) =>
      createNetworkEncoder(name, network, input.preprocessing, { threads: options.threads }),
    )
    if (values.set === 'materials') row['one person with the majority of the others'] = 100 * (await people())
    for (const [name, value] of Object.entries(dataset.figures ?? {})) row[`annotators: ${name}`] = 100 * value
    rows.push(row)
    console.log(JSON.stringify({ seed, ...row }))
  }
  for (const encoder of encoders) await encoder.dispose()
  // Contexts of different seeds are different ones.
  const ofContexts = (row, part) =>
    Object.entries(row)
      .filter(([name]) => name.endsWith(`, ${part}`) && !name.startsWith('best '))
      .map(([, value]) => value)
  const summary = {}
  for (const part of ['local', 'test']) {
    const all = rows.flatMap((row) => ofContexts(row, part))
    summary[`context models, ${part}`] = `${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)}`
  }
  for (const name of Object.keys(rows[0]).filter((name) => !/, (local|test)$/.test(name))) {
    const all = rows.map((row) => row[name])
    summary[name] =
      `${(all.reduce((sum, value) => sum + value, 0) / all.length).toFixed(1)} (${Math.min(...all).toFixed(1)} to ${Math.max(...all).toFixed(1)})`
  }
  console.log(JSON.stringify({ ...values, ...summary }, null, 1))
}

function load(seed) {
  if (values.set === 'objects') return objects(seed)
  if (values.set === 'emoji') {
    return loadEmojiTriples(
      {
        contexts: number('contexts'),
        triplesPerContext: 1000,
        referencesPerContext: number('references'),
        validationReferences: number('validation'),
        testReferences: 500,
        triplesPerReference: 9,
        minVotes: 8,
        heldOutLocales: 0,
        styles: ['noto'],
        seed,
      },
      { folder: root, cacheFolder: path.resolve(values.cache), warn: () => undefined },
    )
  }
  return values.set === 'mixed'
    ? mixed(seed)
    : loadPeople(values.set, seed, values.contexts === 'reference' ? 'reference' : number('contexts'))
}

/**
 * The 92 objects that 16 people arranged by similarity (bench/objects-92.py): A is closer where at least 12 of them put it closer. 40 references make
 * the contexts, 26 fit the weights, 26 are the test; an object of one part is a candidate in all of them.
 */
async function objects(seed) {
  const folder = path.resolve(values.objects)
  const { width, height, labels, people } = JSON.parse(await readFile(path.join(folder, 'objects.json'), 'utf8'))
  const pixels = await readFile(path.join(folder, 'pixels.bin'))
  const size = width * height * 3
  const items = labels.map((label, i) => ({
    id: `${label} ${i}`,
    source: { data: new Uint8Array(pixels.subarray(i * size, (i + 1) * size)), width, height },
  }))
  const random = createRandom(`objects/${seed}`)
  const order = [...random.permutation(items.length)]
  const triples = []
  order.forEach((reference, place) => {
    const split = place < 40 ? 'train' : place < 66 ? 'validation' : 'test'
    const wanted = split === 'train' ? 200 : split === 'validation' ? number('answers') : 200
    for (let found = 0, tried = 0; found < wanted && tried < 20 * wanted; tried++) {
      const [a, b] = [random.integer(items.length), random.integer(items.length)]
      if (a === b || a === reference || b === reference) continue
      const forA = people.filter((one) => one[reference][a] < one[reference][b]).length
      const agreement = Math.max(forA, people.length - forA) / people.length
      if (agreement < 0.75) continue
      found++
      triples.push({
        reference: items[reference].id,
        a: items[a].id,
        b: items[b].id,
        closer: forA > people.length / 2 ? 'a' : 'b',
        agreement,
        split,
        ...(split === 'train' && {
          context: values.contexts === 'category' ? labels[reference] : `c${place % number('contexts')}`,
        }),
      })
    }
  })
  return { items, triples }
}

/** Materials, which are judged by gloss, and shoes, judged by shape, as one set: half of the contexts and of the other triples from each. */
async function mixed(seed) {
  const half = number('contexts') / 2
  const sets = await Promise.all(
    ['materials', 'shoes'].map(async (set) => ({ set, ...(await loadPeople(set, seed, half)) })),
  )
  const of = (list, split) => list.filter((triple) => triple.split === split)
  const shuffled = (list, seedOf) => Array.from(createRandom(seedOf).permutation(list.length), (at) => list[at])
  const parts = ['validation', 'test'].map((split) => [
    split,
    Math.min(...sets.map(({ triples }) => of(triples, split).length)),
  ])
  const triples = sets.flatMap(({ set, triples: own }) => {
    const named = (triple) => ({
      ...triple,
      reference: `${set}/${triple.reference}`,
      a: `${set}/${triple.a}`,
      b: `${set}/${triple.b}`,
      ...(triple.context && { context: `${set} ${triple.context}` }),
    })
    return [
      ...of(own, 'train'),
      ...parts.flatMap(([split, count]) => shuffled(of(own, split), `${seed}/${set}/${split}`).slice(0, count)),
    ].map(named)
  })
  return {
    items: sets.flatMap(({ set, items }) => items.map((item) => ({ ...item, id: `${set}/${item.id}` }))),
    triples,
  }
}

function loadPeople(set, seed, contexts) {
  const folder = path.join(shared, set === 'materials' ? 'triples-material-appearance' : 'triples-zappos-shoes')
  return loadTriples(
    {
      file: path.join(folder, 'triples.csv'),
      index: path.join(folder, 'index.csv'),
      format: 'triples',
      ids: 'row',
      ties: 'drop',
      missingImages: 'fail',
      seed,
      columns: {
        reference: 'reference',
        a: 'a',
        b: 'b',
        closer: 'closer',
        context: 'context',
        classA: 'class_a',
        classB: 'class_b',
        votesA: 'votes_a',
        votesB: 'votes_b',
        split: 'split',
      },
      contexts,
      ...(set === 'materials'
        ? { splitBy: 'column', validation: 0.3, test: 0 }
        : { splitBy: 'images', validation: 0.25, test: 0.3 }),
    },
    { folder: shared, warn: () => undefined },
  )
}

/** What a person reaches on the test triples of materials that have a majority: the figure to hold beside a model's. */
async function people() {
  const [header, ...lines] = (await readFile(path.join(shared, 'triples-material-appearance/triples.csv'), 'utf8'))
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','))
  const cell = (line, name) => line[header.indexOf(name)]
  const test = lines.filter((line) => cell(line, 'split') === 'test' && cell(line, 'closer') !== 'tie')
  return annotatorAgreement(
    test.map((line) => ({ a: Number(cell(line, 'votes_a')), b: Number(cell(line, 'votes_b')) })),
  ).withMajority
}

/** The MobileNetV2 of ../shared/data/encoders at any size: they are convolutions throughout. */
async function openBase(name) {
  if (name === 'vit') return frozenEncoder('vit', shared, number('threads'))
  if (name === 'mini') return createMiniEncoder({ threads: number('threads') })
  const [file, scale, middle] = name === 'imagenet' ? ['imagenet', 0.00784314, 127] : ['inat_birds', 1 / 128, 128]
  const size = number('size')
  const model = await loadModel(path.join(shared, `encoders/mobilenet_v2_1.0_224_${file}.onnx`))
  const [input] = model.graph.inputs
  const sized = { ...model, graph: { ...model.graph, inputs: [{ ...input, shape: ['N', 3, size, size] }] } }
  const mean = middle * scale
  return createNetworkEncoder(
    name,
    sized,
    {
      resize: { mode: 'shortest-edge', size: Math.round((size * 256) / 224) },
      crop: { width: size, height: size },
      interpolation: 'bicubic',
      background: [255, 255, 255],
      scale,
      mean: [mean, mean, mean],
      std: [1, 1, 1],
      channels: 'rgb',
      layout: 'nchw',
    },
    { normalise: false, threads: number('threads') },
  )
}

/** Exact top-10 of 20,000 images for 256 queries, members of 64 dimensions side by side, taking turns; processor time, so that other work hardly matters. */
async function searchCost() {
  const [rows, width, queries, rounds] = [20_000, 64, 256, 9]
  const counts = [1, 2, 4, 8]
  const indices = []
  for (const members of counts) {
    const index = await exactEngine().open({ dim: width * members, space: 'bench' })
    await index.add(unitVectors(rows, width * members, 'gallery'))
    indices.push(index)
  }
  const times = counts.map(() => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [i, members] of counts.entries()) {
      const asked = unitVectors(queries, width * members, 'query')
      const before = process.cpuUsage()
      await indices[i].search(asked, 10)
      const { user, system } = process.cpuUsage(before)
      if (round > 0) times[i].push((user + system) / 1000 / queries)
    }
  }
  const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1]
  counts.forEach((members, i) => {
    console.log(
      JSON.stringify({
        members,
        dim: width * members,
        processorMilliseconds: Number(median(times[i]).toFixed(3)),
        timesOneMember: Number((median(times[i]) / median(times[0])).toFixed(2)),
        megabytes: (rows * width * members * 4) / 1e6,
      }),
    )
  })
  for (const index of indices) await index.dispose?.()
}

function unitVectors(rows, dim, role) {
  const data = new Float32Array(rows * dim)
  for (let row = 0; row < rows; row++) {
    let squares = 0
    for (let i = row * dim; i < (row + 1) * dim; i++) squares += (data[i] = Math.random() - 0.5) ** 2
    for (let i = row * dim; i < (row + 1) * dim; i++) data[i] /= Math.sqrt(squares)
  }
  return createEmbeddings({ data, rows, dim, space: 'bench', role })
}
