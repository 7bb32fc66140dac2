// Fine-tuning on photographs: MobileNetV2 with ImageNet weights on CUB-200-2011 classes 1-25, measured on classes 26-50.
// node bench/cub.mjs [--data ../shared/data] [--seeds 3] [--epochs 4] [--only head,network]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: path.join(root, '..', 'shared', 'data') },
    seeds: { type: 'string', default: '3' },
    epochs: { type: 'string', default: '4' },
    only: { type: 'string', default: 'head,network' },
  },
})
const data = path.resolve(values.data)
if (!existsSync(path.join(data, 'cub-50', 'index.csv'))) {
  console.log(`No photographs at ${data}: expected cub-50/index.csv and encoders/*.onnx there; name the folder with --data.`)
  process.exit(0)
}
const work = mkdtempSync(path.join(tmpdir(), 'lookalike-cub-'))
const epochs = Number(values.epochs)

const dataset = {
  use: 'csv',
  file: path.join(data, 'cub-50', 'index.csv'),
  splits: { train: { where: { label: { from: 1, to: 25 } } }, test: { where: { label: { from: 26, to: 50 } } } },
}
const encoder = {
  use: 'onnx',
  model: path.join(data, 'encoders', 'mobilenet_v2_1.0_224_imagenet.onnx'),
  preprocessing: {
    resize: { mode: 'shortest-edge', size: 256 }, crop: { width: 224, height: 224 }, interpolation: 'bicubic', background: [255, 255, 255],
    scale: 1, mean: [127, 127, 127], std: [127.5, 127.5, 127.5], channels: 'rgb', layout: 'nchw',
  },
}
const losses = { 'Proxy Anchor': {}, 'with soft orthogonality': { orthogonality: { lambda: 0.1 } } }
const trainers = {
  head: (orthogonality) => ({
    use: 'head', head: { dim: 512 }, loss: { use: 'proxy-anchor', ...orthogonality }, epochs: 40, validation: 0,
    optimizer: { learningRate: 0.0003 }, sampler: { use: 'balanced', labels: 20, instances: 4 },
  }),
  network: (orthogonality) => ({
    use: 'metric-learning', head: { dim: 512 }, loss: { use: 'proxy-anchor', ...orthogonality }, epochs, validation: 0, headOnlyEpochs: 1,
    optimizer: { learningRate: 0.0001, clipValue: 10 }, sampler: { use: 'balanced', labels: 20, instances: 4 },
    augmentations: [{ use: 'random-resized-crop', scale: [0.4, 1] }, 'flip'],
  }),
}

/** Runs one command on a config; returns its JSON. */
function lookalike(command, config) {
  const file = path.join(work, 'lookalike.config.json')
  writeFileSync(file, JSON.stringify({ runs: './runs', cache: './cache', ...config }))
  const { status, stdout } = spawnSync(process.execPath, [path.join(root, 'apps', 'cli', 'dist', 'main.js'), command, '--config', file, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) process.exit(status ?? 1)
  return JSON.parse(stdout)
}

function measure(name, measured) {
  const { metrics } = lookalike('evaluate', { name: `${name}-test`, dataset, encoder: measured, evaluate: { ks: [1], metrics: ['recall', 'map@r'], reporters: ['json'] } }).stages[0]
  return { recall: metrics['recall@1'], map: metrics['map@r'] }
}

const mean = (all) => all.reduce((sum, value) => sum + value, 0) / all.length
const spread = (all) => (all.length > 1 ? Math.sqrt(all.reduce((sum, value) => sum + (value - mean(all)) ** 2, 0) / (all.length - 1)) : 0)
const shown = (all) => `${mean(all).toFixed(3)} ± ${spread(all).toFixed(3)}`

const untuned = measure('untuned', encoder)
console.log(`untuned | R@1 ${untuned.recall.toFixed(3)} | MAP@R ${untuned.map.toFixed(3)}`)
for (const part of values.only.split(',')) {
  for (const [loss, orthogonality] of Object.entries(losses)) {
    const results = []
    const started = Date.now()
    for (let seed = 0; seed < Number(values.seeds); seed++) {
      const name = `${part}-${loss.replaceAll(' ', '-').toLowerCase()}-${seed}`
      lookalike('train', { name, seed, dataset, encoder, train: trainers[part](orthogonality) })
      results.push(measure(name, { use: 'onnx', model: path.join(work, 'runs', name, 'model.onnx') }))
    }
    const seconds = (Date.now() - started) / 1000 / results.length
    console.log(`${part}, ${loss} | R@1 ${shown(results.map((result) => result.recall))} | MAP@R ${shown(results.map((result) => result.map))} | ${seconds.toFixed(0)} s a seed`)
  }
}
