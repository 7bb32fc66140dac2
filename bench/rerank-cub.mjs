/**
 * The rerankers on photographs: CUB-200-2011 classes 26-50, stage 1 a MobileNetV2 (fine-tuned on classes 1-25, or as it came), pair models of new
 * blocks on its last feature maps, trained on classes 1-25. Prints CMC@1, MAP@5 and milliseconds a query of each.
 *
 *     npx turbo run build && node bench/rerank-cub.mjs [--models tuned-0.onnx,tuned-1.onnx] [--untuned vit] [--data ../shared/data] [--seeds 0] [--epochs 6]
 *         [--head-epochs 1] [--pair '{ "dim": 128 }'] [--topN 5] [--queries 0] [--cache bench/.lookalike] [--runs bench/runs] [--results results.jsonl]
 *
 * `--models`: stage 1 of each seed; default: the untuned network for all, `mobilenet-224` or `vit`, the small transformer at 64 pixels. Finished trainings in `--runs`
 * are used again.
 */
import { existsSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRegistry } from '@lookalike/core'
import { createPipeline, defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { createAlphaQueryExpansion, createKReciprocal, createStir } from '@lookalike/rerank'
import { onnxReference } from './lib/frozen.mjs'
import { measureRerankers } from './lib/measure-rerankers.mjs'

const { values } = parseArgs({
  options: {
    models: { type: 'string' },
    untuned: { type: 'string', default: 'mobilenet-224' },
    data: { type: 'string', default: path.join(import.meta.dirname, '../../shared/data') },
    seeds: { type: 'string', default: '0' },
    epochs: { type: 'string', default: '6' },
    'head-epochs': { type: 'string', default: '1' },
    pair: { type: 'string', default: '{}' },
    topN: { type: 'string', default: '5' },
    queries: { type: 'string', default: '0' },
    cache: { type: 'string', default: 'bench/.lookalike' },
    runs: { type: 'string', default: 'bench/runs' },
    threads: { type: 'string', default: '2' },
    results: { type: 'string' },
  },
})
const data = path.resolve(values.data)
if (!existsSync(path.join(data, 'cub-50', 'index.csv'))) {
  console.log(
    `No photographs at ${data}: expected cub-50/index.csv and encoders/*.onnx there; name the folder with --data.`,
  )
  process.exit(0)
}
const names = ['train', 'encoders', 'losses', 'gallery', 'datasets', 'rerank'].map((name) => `@lookalike/${name}`)
const registry = createRegistry(await loadPlugins(names, import.meta.dirname))
const threads = Number(values.threads)
const models = values.models?.split(',')
const untuned = onnxReference(values.untuned, data)

function pipelineOf(name, seed, encoder, train) {
  const config = {
    name,
    seed,
    index: 'exact',
    images: { onCorrupt: 'skip' },
    cache: values.cache,
    runs: values.runs,
    threads,
    evaluate: { split: 'test', ks: [1, 5], metrics: ['recall', 'map'], reporters: [] },
    encoder,
    ...(train && { train }),
    dataset: {
      use: 'csv',
      file: path.join(data, 'cub-50', 'index.csv'),
      splits: { train: { where: { label: { from: 1, to: 25 } } }, test: { where: { label: { from: 26, to: 50 } } } },
    },
  }
  return createPipeline(defaultConfig(process.cwd(), { overrides: config }), registry, {
    onWarning: ({ message }) => console.warn(message),
  })
}

const table = []
for (const [i, seed] of values.seeds.split(',').map(Number).entries()) {
  const encoder = models ? { use: 'onnx', name: `tuned-${i}`, model: path.resolve(models[i % models.length]) } : untuned
  const train = {
    // Five of the 25 classes choose the best epoch.
    use: 'stir',
    epochs: Number(values.epochs),
    headEpochs: Number(values['head-epochs']),
    labels: 20,
    validation: 0.2,
    ...JSON.parse(values.pair),
  }
  const name = `stir-cub-${encoder.name}-h${values['head-epochs']}-p${values.epochs}${values.pair.replace(/\W/g, '')}-s${seed}`
  const stageTwo = await pipelineOf(name, seed, encoder, train)
  const model = path.join(stageTwo.runFolder, 'pair.onnx')
  if (!existsSync(model))
    console.error(JSON.stringify((await stageTwo.train({ resume: existsSync(stageTwo.runFolder) })).metrics))
  const topN = Number(values.topN)
  await measureRerankers(
    stageTwo,
    {
      'k-reciprocal': createKReciprocal(),
      'alpha-query-expansion': createAlphaQueryExpansion(),
      'stir on feature maps': await createStir({ model, topN, threads }),
      'stir on feature maps, symmetric': await createStir({ model, topN, symmetric: true, threads }),
    },
    Number(values.queries),
    async (row) => {
      table.push({ model: encoder.name, seed, ...row })
      if (values.results) await appendFile(values.results, `${JSON.stringify(table.at(-1))}\n`)
    },
  )
  await stageTwo.dispose()
}
console.table(table)
