/**
 * Trains a list of models on the emoji benchmark, those of bench/asymmetric-emoji.mjs unless another list is given. A finished model is
 * skipped, an interrupted one continued, so that the list can be worked off in parts and on any machine.
 *
 *     npx turbo run build && node bench/asymmetric-models.mjs [--list models.json] [--only pattern] [--part 0/1] [--runs bench/runs] [--cache examples/.lookalike] [--threads 2] [--steps n] [--print]
 *
 * Each entry of the list is a config without its surroundings: `name`, `seed`, `encoder`, `train` and the emoji dataset's `training`. An entry with
 * `teachers` is distilled from the one of them with the best validation recall@1, and comes after them.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRegistry } from '@lookalike/core'
import { createPipeline, defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { emojiModels } from './lib/asymmetric-models.mjs'

const { values } = parseArgs({
  options: {
    list: { type: 'string' },
    only: { type: 'string', default: '' },
    part: { type: 'string', default: '0/1' },
    print: { type: 'boolean', default: false },
    runs: { type: 'string', default: 'bench/runs' },
    cache: { type: 'string', default: 'examples/.lookalike' },
    threads: { type: 'string', default: '2' },
    steps: { type: 'string' },
  },
})
const [part, parts] = values.part.split('/').map(Number)
const models = (values.list ? JSON.parse(readFileSync(values.list, 'utf8')) : emojiModels())
  .filter(({ name }) => new RegExp(values.only).test(name))
  .filter((_, i) => i % parts === part)
if (values.print) {
  console.log(JSON.stringify(models, null, 2))
  process.exit()
}

const folder = process.cwd()
const registry = createRegistry(
  await loadPlugins(
    ['train', 'encoders', 'losses', 'gallery', 'datasets', 'asymmetric'].map((name) => `@lookalike/${name}`),
    import.meta.dirname,
  ),
)
const runOf = (name) => path.join(path.resolve(values.runs), name)
const recall = (name) =>
  JSON.parse(readFileSync(path.join(runOf(name), 'card.json'), 'utf8')).metrics['validation recall@1']

for (const { name, seed, encoder, train, training, teachers } of models) {
  const run = runOf(name)
  if (existsSync(path.join(run, 'model.onnx'))) continue
  const best = teachers?.reduce((one, other) => (recall(other) > recall(one) ? other : one))
  const teacher = best && { encoder: { use: 'onnx', model: path.join(runOf(best), 'model.onnx') } }
  const config = {
    name,
    seed,
    encoder,
    train: { ...train, ...(teacher && { teacher }), ...(values.steps && { steps: Number(values.steps) }) },
    index: 'exact',
    images: { onCorrupt: 'fail' },
    cache: values.cache,
    runs: values.runs,
    threads: Number(values.threads),
    evaluate: { split: 'validation', ks: [1], metrics: ['recall'], reporters: [] },
    dataset: { use: 'emoji', validation: 0.1, ...(training && { training }) },
  }
  const pipeline = await createPipeline(defaultConfig(folder, { overrides: config }), registry, {
    onWarning: ({ message }) => console.error(message),
  })
  const started = performance.now()
  const { metrics } = await pipeline.train({ resume: existsSync(path.join(run, 'log.jsonl')) })
  console.log(JSON.stringify({ name, seconds: Math.round((performance.now() - started) / 1000), ...metrics }))
  await pipeline.dispose()
}
