// Fine-tuning on photographs: MobileNetV2 with ImageNet weights on CUB-200-2011 classes 1-25, measured on classes 26-50.
// node bench/cub.mjs [--data ../shared/data] [--out DIR] [--seeds 0,1,2] [--only head,network] [--losses plain,orthogonal] [--lambda 0.1]
//   [--epochs 2] [--steps N] [--rate 0.0001] [--frozen 0] [--head 512] [--threads 2] [--choose]
// --frozen 23: the first 20 convolutions, those above 14 x 14 pixels, stay as they are and cost no backward pass.
// --head 0: the network's own embedding is trained, without a new head.
// One line of results.jsonl a run, in --out; a run that is there is not repeated. --choose trains on classes 1-18 and measures on 19-25, to fix a
// recipe by. (These seven are too few to tell when a head overfits: 40 epochs looked better than none on them, and were worse on 26-50.)
import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createRegistry } from '@lookalike/core'
import { createSession, extractModel, float32, loadModel } from '@lookalike/onnx'
import { createPipeline, defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { measureValidation } from '@lookalike/train'
import { mean, shown } from './lib/seeds.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: path.join(root, '..', 'shared', 'data') },
    out: { type: 'string' },
    seeds: { type: 'string', default: '0,1,2' },
    only: { type: 'string', default: 'head,network' },
    losses: { type: 'string', default: 'plain,orthogonal' },
    lambda: { type: 'string', default: '0.1' },
    epochs: { type: 'string', default: '2' },
    steps: { type: 'string' },
    rate: { type: 'string', default: '0.0001' },
    frozen: { type: 'string', default: '0' },
    head: { type: 'string', default: '512' },
    threads: { type: 'string', default: '2' },
    choose: { type: 'boolean', default: false },
  },
})
const data = path.resolve(values.data)
if (!existsSync(path.join(data, 'cub-50', 'index.csv'))) {
  console.log(
    `No photographs at ${data}: expected cub-50/index.csv and encoders/*.onnx there; name the folder with --data.`,
  )
  process.exit(0)
}
const out = path.resolve(values.out ?? mkdtempSync(path.join(tmpdir(), 'lookalike-cub-')))
mkdirSync(out, { recursive: true })
const log = path.join(out, 'results.jsonl')

const [lastTrained, firstMeasured, lastMeasured] = values.choose ? [18, 19, 25] : [25, 26, 50]
const dataset = {
  use: 'csv',
  file: path.join(data, 'cub-50', 'index.csv'),
  splits: {
    train: { where: { label: { from: 1, to: lastTrained } } },
    test: { where: { label: { from: firstMeasured, to: lastMeasured } } },
  },
}
const encoder = {
  use: 'onnx',
  model: path.join(data, 'encoders', 'mobilenet_v2_1.0_224_imagenet.onnx'),
  preprocessing: {
    resize: { mode: 'shortest-edge', size: 256 },
    crop: { width: 224, height: 224 },
    interpolation: 'bicubic',
    background: [255, 255, 255],
    scale: 1,
    mean: [127, 127, 127],
    std: [127.5, 127.5, 127.5],
    channels: 'rgb',
    layout: 'nchw',
  },
}
const losses = {
  plain: { use: 'proxy-anchor' },
  orthogonal: { use: 'proxy-anchor', orthogonality: { lambda: Number(values.lambda), divide: true } },
}
const trainers = {
  // A linear layer on embeddings that are computed once.
  head: (loss) => ({
    use: 'head',
    head: { dim: 512 },
    loss,
    epochs: 5,
    validation: 0,
    optimizer: { learningRate: 0.0003 },
    sampler: { use: 'balanced', labels: 16, instances: 4 },
  }),
  // The network and, unless --head is 0, a new head.
  network: (loss) => ({
    use: 'metric-learning',
    ...(values.head !== '0' && { head: { dim: Number(values.head) } }),
    loss,
    epochs: Number(values.epochs),
    ...(values.steps && { steps: Number(values.steps) }),
    validation: 0,
    optimizer: { learningRate: Number(values.rate), clipValue: 10 },
    sampler: { use: 'balanced', labels: 16, instances: 2 },
    ...frozenPrefix(Number(values.frozen)),
    augmentations: [{ use: 'random-resized-crop', scale: [0.4, 1] }, 'flip'],
  }),
}

/** The network's convolutions are w1 to w64, their biases b1 to b64; the numbers of additions are left out. A short backward pass leaves room for the whole batch. */
function frozenPrefix(last) {
  const additions = [10, 17, 21]
  const numbers = Array.from({ length: last }, (_, i) => i + 1).filter((i) => !additions.includes(i))
  return last === 0 ? { chunk: 8 } : { chunk: 32, freeze: numbers.flatMap((i) => [`w${i}`, `b${i}`]) }
}

/** Runs one command on a config; returns its JSON. */
function lookalike(command, config) {
  const file = path.join(out, `${config.name}.lookalike.config.json`)
  writeFileSync(file, JSON.stringify({ runs: './runs', cache: './cache', threads: Number(values.threads), ...config }))
  const { status, stdout } = spawnSync(
    process.execPath,
    [
      path.join(root, 'apps', 'cli', 'dist', 'main.js'),
      command,
      '--config',
      file,
      '--json',
      ...(command === 'train' ? ['--overwrite'] : []),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', maxBuffer: 2 ** 28 },
  )
  if (status !== 0) process.exit(status ?? 1)
  return JSON.parse(stdout)
}

/** R@1 and MAP@R on the classes that were not trained on. */
function measure(name, measured) {
  const { metrics } = lookalike('evaluate', {
    name: `${name}-test`,
    dataset,
    encoder: measured,
    evaluate: { ks: [1], metrics: ['recall', 'map@r'], reporters: ['json'] },
  }).stages[0]
  return { recall: metrics['recall@1'], map: metrics['map@r'] }
}

/** The same of a head, on embeddings of the frozen encoder that are computed once for all heads. */
async function measureHead(name) {
  const config = {
    name: 'frozen',
    seed: 0,
    dataset,
    encoder,
    index: 'exact',
    images: { onCorrupt: 'fail' },
    cache: './cache',
    runs: './runs',
    threads: Number(values.threads),
    evaluate: { split: 'test', ks: [1], metrics: ['recall'], reporters: [] },
  }
  const pipeline = await createPipeline(
    defaultConfig(out, { overrides: config }),
    createRegistry(
      await loadPlugins(
        ['encoders', 'datasets', 'gallery'].map((part) => `@lookalike/${part}`),
        import.meta.dirname,
      ),
    ),
  )
  const items = (await pipeline.dataset()).items.filter(({ split }) => split === 'test')
  const { embeddings } = await pipeline.embed(
    items.map(({ source }) => ({ source })),
    'gallery',
  )
  await pipeline.dispose()
  const model = await loadModel(path.join(out, 'runs', name, 'model.onnx'))
  const features = model.graph.nodes.find(({ inputs }) => inputs[1] === 'lookalike.head.0.weight').inputs[0]
  const session = await createSession(extractModel(model, { inputs: [features] }))
  const [embedding] = Object.values(
    await session.run({ [features]: float32(embeddings.data, [embeddings.rows, embeddings.dim]) }),
  )
  await session.dispose()
  const figures = await measureValidation(items, embedding.data, embedding.shape[1])
  return { recall: figures['recall@1'], map: figures['map@r'] }
}

/** The result of a run: from the log, else made and logged. */
async function once(facts, make) {
  const key = JSON.stringify({ ...facts, choose: values.choose })
  const known = existsSync(log)
    ? readFileSync(log, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    : []
  const found = known.find((line) => line.key === key)
  if (found) return found
  const started = Date.now()
  const made = { key, ...(await make()), seconds: (Date.now() - started) / 1000 }
  appendFileSync(log, `${JSON.stringify(made)}\n`)
  return made
}

console.log(
  `Models and results.jsonl in ${out}. Mean ± standard deviation over seeds ${values.seeds}; seconds of a seed with its evaluation.`,
)
const untuned = await once({ part: 'untuned' }, () => measure(`untuned${values.choose ? '-choose' : ''}`, encoder))
console.log(`untuned | R@1 ${untuned.recall.toFixed(3)} | MAP@R ${untuned.map.toFixed(3)}`)
const seeds = values.seeds.split(',').map(Number)
for (const part of values.only.split(',')) {
  for (const loss of values.losses.split(',')) {
    const train = trainers[part](losses[loss])
    const results = []
    for (const seed of seeds) {
      const name = [
        part,
        loss,
        ...(loss === 'orthogonal' ? [values.lambda] : []),
        ...(values.choose ? ['choose'] : []),
        seed,
      ].join('-')
      results.push(
        await once({ part, seed, train }, () => {
          lookalike('train', { name, seed, dataset, encoder, train })
          return part === 'head'
            ? measureHead(name)
            : measure(name, { use: 'onnx', model: path.join(out, 'runs', name, 'model.onnx') })
        }),
      )
    }
    const label = loss === 'orthogonal' ? `soft orthogonality, lambda ${values.lambda}` : 'Proxy Anchor'
    console.log(
      `${part}, ${label} | R@1 ${shown(
        results.map(({ recall }) => recall),
        3,
      )} | MAP@R ${shown(
        results.map(({ map }) => map),
        3,
      )} | ${mean(results.map(({ seconds }) => seconds)).toFixed(0)} s`,
    )
  }
}
