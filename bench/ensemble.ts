/**
 * The table of an ensemble of context-sensitive models on people's triples, over seeds, and the search cost of K members against one.
 * Members are heads on the untuned ImageNet MobileNetV2 of ../shared/data/encoders. Nothing is chosen on test triples.
 *
 *     npx jiti bench/ensemble.ts [--set materials|shoes|cost] [--seeds 3] [--contexts 8]
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRandom, embedImages, type Dataset, type Split } from '@lookalike/core'
import { loadTriples } from '@lookalike/datasets'
import { createOnnxEncoder } from '@lookalike/encoders'
import {
  applyHead, cutContext, hits, learnFeatures, learnMember, learnWeights, MAP_OPTIONS, mapFeatures, memberGaps, referenceAccuracies, trainHead, weightsOf,
  type RowTriple, type WeightsOptions,
} from '@lookalike/ensemble'

const { values } = parseArgs({
  options: { set: { type: 'string', default: 'materials' }, seeds: { type: 'string', default: '3' }, contexts: { type: 'string', default: '8' } },
})
const data = fileURLToPath(new URL('../../shared/data', import.meta.url))
if (values.set === 'cost') searchCost()
else if (existsSync(data)) await table(values.set as 'materials' | 'shoes')
else console.log(`${data} is not there: nothing is measured`)

async function table(set: 'materials' | 'shoes'): Promise<void> {
  const encoder = await openEncoder()
  const rowsOfSeeds: Record<string, number>[] = []
  let embeddings: Float32Array | undefined
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const dataset = await load(set, seed)
    // Items come in the order of the index, whatever the seed.
    embeddings ??= (await embedImages(encoder, dataset.items.map(({ source }) => ({ source })), { onCorrupt: 'fail' })).embeddings.data
    const row = measure(dataset, embeddings, encoder.dim, seed)
    rowsOfSeeds.push(row)
    console.error(seed, JSON.stringify(row))
  }
  await encoder.dispose()
  const summary = Object.keys(rowsOfSeeds[0]!).map((name) => {
    const all = rowsOfSeeds.map((row) => row[name]!)
    const mean = all.reduce((sum, value) => sum + value, 0) / all.length
    return [name, { mean: Number(mean.toFixed(2)), spread: Number((Math.max(...all) - Math.min(...all)).toFixed(2)) }]
  })
  console.log(JSON.stringify({ set, seeds: rowsOfSeeds.length, ...Object.fromEntries(summary) }, null, 1))
}

/** Materials: the authors' test rows; 30 of the 100 references fit the weights. Shoes: cut by shoe, 45 / 25 / 30 %. */
function load(set: 'materials' | 'shoes', seed: number): Promise<Dataset> {
  const folder = `${data}/${set === 'materials' ? 'triples-material-appearance' : 'triples-zappos-shoes'}`
  return loadTriples(
    {
      file: `${folder}/triples.csv`, index: `${folder}/index.csv`, format: 'triples', ids: 'row', ties: 'drop', missingImages: 'fail', seed,
      columns: {
        reference: 'reference', a: 'a', b: 'b', closer: 'closer', context: 'context', classA: 'class_a', classB: 'class_b', votesA: 'votes_a', votesB: 'votes_b', split: 'split',
      },
      contexts: Number(values.contexts),
      ...(set === 'materials' ? { splitBy: 'column', validation: 0.3, test: 0 } : { splitBy: 'images', validation: 0.25, test: 0.3 }),
    },
    { folder: data, warn: () => undefined },
  )
}

function openEncoder() {
  const scale = 0.00784314
  const mean = 127 * scale
  return createOnnxEncoder({
    model: `${data}/encoders/mobilenet_v2_1.0_224_imagenet.onnx`,
    normalise: false,
    preprocessing: {
      resize: { mode: 'shortest-edge', size: 256 }, crop: { width: 224, height: 224 }, interpolation: 'bicubic', background: [255, 255, 255],
      scale, mean: [mean, mean, mean], std: [1, 1, 1], channels: 'rgb', layout: 'nchw',
    },
  })
}

function measure({ items, triples = [] }: Dataset, embeddings: Float32Array, inputDim: number, seed: number): Record<string, number> {
  const at = new Map(items.map(({ id }, row) => [id, row]))
  const random = createRandom(`bench/ensemble/${seed}`)
  const rows = Array.from(random.permutation(triples.length), (position) => {
    const { reference, a, b, closer, split, context = '', agreement = 1 } = triples[position]!
    const answer = { reference: at.get(reference)!, a: at.get(a)!, b: at.get(b)! }
    return { split, context, soft: { ...answer, target: closer === 'b' ? agreement : 1 - agreement }, hard: { ...answer, target: closer === 'b' ? 1 : 0 } }
  })
  const part = (split: Split) => rows.filter((row) => row.split === split)
  const test = part('test').map(({ hard }) => hard)
  const validation = part('validation').map(({ hard }) => hard)
  // Shoes have tens of thousands of inferred triples; a context needs no more than the paper's, which are about 1,000.
  const contexts = new Map<string, typeof rows>()
  for (const row of part('train')) {
    const list = contexts.get(row.context)
    if (list) list.push(row)
    else contexts.set(row.context, [row])
  }
  const own = new Map([...contexts].map(([name, list]) => [name, list.slice(0, 2000).map(({ soft }) => soft)]))

  const options = {
    components: 64, centred: true, epochs: 6, batchSize: 32, learningRate: 1e-3, weightDecay: 3e-3, objective: 'cosine', temperature: 0.1, seed,
  } as const
  const used = new Set([...own.values()].flat().flatMap(({ reference, a, b }) => [reference, a, b]))
  const map = learnFeatures(embeddings, inputDim, used, options)
  const features = mapFeatures(map, embeddings)
  const { dim } = map.pca
  const accuracy = (gaps: ArrayLike<number>, on: readonly RowTriple[]) => 100 * mean(hits(gaps, on))

  const result: Record<string, number> = { untuned: accuracy(memberGaps(embeddings, inputDim, test), test) }
  const everything = [...own.values()].flatMap((list) => cutContext(list).train)
  result['untuned, principal components'] = accuracy(memberGaps(features, dim, test), test)
  result['one model on all contexts'] = accuracy(memberGaps(applyHead(trainHead(features, dim, everything, options), features), dim, test), test)

  const members = [...own].map(([name, list]) => learnMember(name, features, dim, list, options))
  const gaps = (on: readonly RowTriple[]) => members.map(({ head }) => memberGaps(applyHead(head, features), head.dim, on))
  const onTest = gaps(test)
  members.forEach(({ context, localAccuracy }, k) => {
    result[`${context}, local`] = 100 * localAccuracy
    result[`${context}, test`] = accuracy(onTest[k]!, test)
  })
  result['best context model, test'] = Math.max(...onTest.map((gap) => accuracy(gap, test)))
  result['majority vote'] = accuracy(test.map((_, row) => onTest.reduce((sum, gap) => sum + Math.sign(gap[row]!), 0)), test)
  for (const [name, how] of [
    ['plain average', { use: 'uniform' }], ['best single by validation', { use: 'best-single' }],
    ['credibility map', { use: 'credibility-map', ...MAP_OPTIONS }], ['MLP', { use: 'mlp', components: 64 }],
  ] as const satisfies readonly (readonly [string, WeightsOptions])[]) {
    const weights = weightsOf(learnWeights(members, features, dim, validation, how, seed), features, dim)
    result[name] = accuracy(test.map(({ reference }, row) => onTest.reduce((sum, gap, k) => sum + weights[reference * members.length + k]! * gap[row]!, 0)), test)
  }
  // Why an ensemble helps or not: how often two members agree, and what the best of them per test reference would reach.
  const hit = onTest.map((gap) => hits(gap, test))
  let [agree, pairs] = [0, 0]
  for (let i = 0; i < hit.length; i++) for (let j = 0; j < i; j++, pairs++) agree += mean(hit[i]!.map((value, row) => (value === hit[j]![row] ? 1 : 0)))
  result['two members agree'] = (100 * agree) / pairs
  const { accuracies } = referenceAccuracies(onTest, test)
  const best = Array.from({ length: accuracies.length / members.length }, (_, r) => Math.max(...accuracies.subarray(r * members.length, (r + 1) * members.length)))
  result['best member of each test reference, with hindsight'] = 100 * mean(best)
  return result
}

/** Exhaustive inner products over 20,000 vectors: K members of 64 dimensions side by side against one. */
function searchCost(): void {
  const [rows, dim, queries] = [20_000, 64, 20]
  for (const members of [1, 2, 4, 8]) {
    const width = dim * members
    const random = createRandom('cost')
    const gallery = Float32Array.from({ length: rows * width }, () => random.next())
    const query = Float32Array.from({ length: width }, () => random.next())
    const times: number[] = []
    for (let q = 0; q < queries; q++) {
      const start = process.cpuUsage()
      let best = -Infinity
      for (let row = 0; row < rows; row++) {
        let sum = 0
        for (let i = 0; i < width; i++) sum += gallery[row * width + i]! * query[i]!
        if (sum > best) best = sum
      }
      times.push(process.cpuUsage(start).user / 1000)
    }
    console.log(JSON.stringify({ members, dim: width, cpuMillisecondsPerQuery: times.toSorted((a, b) => a - b)[queries >> 1], megabytes: (rows * width * 4) / 1e6 }))
  }
}

function mean(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}
