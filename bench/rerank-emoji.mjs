/**
 * The rerankers on the emoji benchmark: stage 1 trained from scratch, pair models on top, and the classical rerankers.
 * Prints CMC@1, MAP@5 and milliseconds a query of each, over seeds. Everything can be made larger and smaller.
 *
 *     npx turbo run build && node bench/rerank-emoji.mjs [--seeds 0,1,2] [--first-seed 0] [--protocol all] [--fusions 0,late] [--epochs 24] [--pair-epochs 6]
 *         [--head-epochs 1] [--size 48] [--patch 8] [--dim 96] [--depth 4] [--queries 0] [--cache examples/.lookalike] [--runs bench/runs] [--encoder mini] [--topN 5]
 *         [--pair '{ "grid": 8 }'] [--results results.jsonl]
 *
 * `--queries n` reranks only every so many queries that n are left; the gallery stays whole. Finished trainings in `--runs` are used again.
 * `--providers webgpu` runs the networks on a graphics card; milliseconds a query are then the card's.
 * `--first-seed 0` makes one stage 1 for the pair models of all seeds.
 * Stage 1 is the transformer of the first stage of examples/soft-orthogonal-proxies, with the same seed the same weights; with `--encoder mini`
 * the built-in encoder, with `--encoder conv-net` its network from scratch. `--pair` are further options of the trainer "stir". `--results` appends a line a row.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { appendFile, readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { DEFAULTS } from '@lookalike/cli'
import { createRegistry } from '@lookalike/core'
import { createPipeline, defaultConfig, loadConfig, loadPlugins } from '@lookalike/pipeline'
import { createAlphaQueryExpansion, createKReciprocal, createStir } from '@lookalike/rerank'
import { measureRerankers } from './lib/measure-rerankers.mjs'

const { values } = parseArgs({
  allowNegative: true,
  options: {
    seeds: { type: 'string', default: '0,1,2' },
    protocol: { type: 'string', default: 'all' },
    fusions: { type: 'string', default: '0,late' },
    epochs: { type: 'string', default: '24' },
    'pair-epochs': { type: 'string', default: '6' },
    'head-epochs': { type: 'string', default: '1' },
    size: { type: 'string' },
    patch: { type: 'string' },
    dim: { type: 'string' },
    depth: { type: 'string' },
    'first-seed': { type: 'string' },
    queries: { type: 'string', default: '0' },
    cache: { type: 'string', default: 'examples/.lookalike' },
    runs: { type: 'string', default: 'bench/runs' },
    threads: { type: 'string', default: '2' },
    providers: { type: 'string', default: 'cpu' },
    encoder: { type: 'string', default: 'vit' },
    pair: { type: 'string', default: '{}' },
    results: { type: 'string' },
    classical: { type: 'boolean', default: true },
    topN: { type: 'string', default: '5' },
  },
})
const number = (name) => Number(values[name])
const providers = values.providers.split(',')
const names = ['train', 'encoders', 'losses', 'gallery', 'datasets', 'rerank'].map((name) => `@lookalike/${name}`)
const registry = createRegistry(await loadPlugins(names, import.meta.dirname))
const folder = process.cwd()

function pipelineOf(config) {
  const loaded = defaultConfig(folder, { overrides: config, defaults: DEFAULTS })
  return createPipeline(loaded, registry, { onWarning: ({ message }) => console.warn(message) })
}
const base = (name, seed, rest) => ({
  name,
  seed,
  cache: values.cache,
  runs: values.runs,
  threads: number('threads'),
  evaluate: { split: 'test', ks: [1, 5], metrics: ['recall', 'map'], reporters: [] },
  dataset: { use: 'emoji', protocol: values.protocol, validation: 0.1 },
  ...rest,
})

async function trained(pipeline, file) {
  const whole = path.join(pipeline.runFolder, file)
  if (!existsSync(whole))
    await pipeline.train({ resume: existsSync(pipeline.runFolder), onProgress: quietly(pipeline.config.name) })
  return whole
}

function quietly(name) {
  let last = 0
  return ({ done, total, note }) => {
    if (performance.now() - last < 10_000) return
    last = performance.now()
    console.error(`${name}: ${done}/${total ?? '?'} ${note ?? ''}`)
  }
}

/** What the first stage of an example trains, and how. */
async function firstStage(example) {
  const { config } = await loadConfig(path.join(import.meta.dirname, '../examples', example))
  const { encoder, train } = config.stages[0].config
  return { encoder: { use: encoder.use, ...encoder.options }, train: train.options }
}
const transformer = await firstStage('soft-orthogonal-proxies')
const { epochs: _, augmentations, loss, ...training } = transformer.train
/** Sizes that were given replace the example's; its heads have 48 values each. */
const given = Object.fromEntries(
  Object.entries({ imageSize: values.size, patchSize: values.patch, dim: values.dim, depth: values.depth }).flatMap(
    ([name, text]) => (text ? [[name, Number(text)]] : []),
  ),
)
const vit = { ...transformer.encoder, ...given, ...(given.dim && { heads: given.dim / 48 }) }
const pairOptions = { augmentations, ...JSON.parse(values.pair) }
const pairTag = createHash('sha256').update(JSON.stringify(pairOptions)).digest('hex').slice(0, 8)

/** Networks that are trained from scratch as stage 1. */
const networks = {
  vit: { encoder: vit, training, tag: `${vit.imageSize}-${vit.dim}x${vit.depth}` },
  'conv-net': {
    encoder: (await firstStage('mini')).encoder,
    training: {
      optimizer: { learningRate: 2e-3, weightDecay: 0.05 },
      schedule: { shape: 'cosine', warmUp: 1 },
      validateEvery: 2,
    },
    tag: 'conv-net',
  },
}

/** Absent where the encoder comes trained. */
const network = networks[values.encoder]

async function stageOne(seed, tag) {
  if (!network) return { use: values.encoder, providers }
  const pipeline = await pipelineOf(
    base(`stage-1-${tag}`, seed, {
      encoder: { ...network.encoder, providers },
      train: {
        // Hard triplets, the paper's loss for fine-tuning, collapse from scratch: all embeddings become one, and the loss stays at the margin.
        use: 'metric-learning',
        providers,
        loss,
        epochs: number('epochs'),
        augmentations,
        ...network.training,
      },
    }),
  )
  const model = await trained(pipeline, 'model.onnx')
  await pipeline.dispose()
  return { use: 'onnx', name: 'stage-1', model, providers }
}

const table = []
for (const seed of values.seeds.split(',').map(Number)) {
  const first = Number(values['first-seed'] ?? seed)
  const stage = network
    ? `${values.protocol}-${network.tag}-e${values.epochs}-s${first}`
    : `${values.encoder}-${values.protocol}`
  const encoder = await stageOne(first, stage)
  const tag = network && first === seed ? stage : `${stage}-s${seed}`

  const rerankers = !values.classical
    ? {}
    : { 'k-reciprocal': createKReciprocal(), 'alpha-query-expansion': createAlphaQueryExpansion() }
  for (const fusion of values.fusions
    .split(',')
    .filter(Boolean)
    .map((text) => (text === 'late' ? text : Number(text)))) {
    const stageTwo = await pipelineOf(
      base(`stir-${fusion}-h${values['head-epochs']}-p${values['pair-epochs']}-${pairTag}-${tag}`, seed, {
        encoder,
        train: {
          use: 'stir',
          providers,
          fusion,
          epochs: number('pair-epochs'),
          headEpochs: number('head-epochs'),
          ...pairOptions,
        },
      }),
    )
    const file = await trained(stageTwo, 'pair.onnx')
    const card = JSON.parse(await readFile(path.join(path.dirname(file), 'card.json'), 'utf8'))
    console.error(JSON.stringify({ fusion, ...card.metrics }))
    await stageTwo.dispose()
    rerankers[`stir, fusion ${fusion}`] = await createStir({
      model: file,
      topN: number('topN'),
      threads: number('threads'),
      providers,
    })
    rerankers[`stir, fusion ${fusion}, symmetric`] = await createStir({
      model: file,
      topN: number('topN'),
      symmetric: true,
      threads: number('threads'),
      providers,
    })
  }
  const pipeline = await pipelineOf(base('measure', seed, { encoder }))
  await measureRerankers(pipeline, rerankers, number('queries'), async (row) => {
    table.push({ protocol: values.protocol, seed, ...row })
    if (values.results) await appendFile(values.results, `${JSON.stringify(table.at(-1))}\n`)
  })
  await pipeline.dispose()
}
console.table(table)
