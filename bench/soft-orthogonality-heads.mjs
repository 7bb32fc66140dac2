/**
 * Soft Orthogonality with many classes and few dimensions: linear heads on the frozen embeddings of an encoder, emoji benchmark, protocol all,
 * 821 training classes. Proxy Anchor alone is lambda 0. Prints R@1 and MAP@R over the test classes, mean and standard deviation over seeds.
 *
 *     node bench/soft-orthogonality-heads.mjs [--model encoder.onnx] [--dims 8,16,32] [--settings divide:0,divide:1000] [--seeds 0,1,2] [--epochs 20]
 *         [--out DIR] [--cache examples/.lookalike] [--choose] [--threads 2] [--svg bench/results/largest-cosine.svg]
 *
 * A setting is `normalisation:lambda`: `divide` (by C(C - 1)), `whole` (not divided), `raw` (proxies not normalised, not divided).
 * --model: MobileNetV2 or another encoder of 224-pixel photographs, fed with 96 pixels; without it the built-in encoder, which was trained on
 * these very classes. --choose: trains on four fifths of the training classes and measures on the rest. One line of results.jsonl a run, in
 * --out; a run that is there is not repeated. --svg draws the proxies' largest cosine over training at the first of the dims.
 */
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRegistry, unitRows } from '@lookalike/core'
import { proxyAnchor } from '@lookalike/losses'
import { loadModel, saveModel } from '@lookalike/onnx'
import { createPipeline, defaultConfig, loadPlugins } from '@lookalike/pipeline'
import { measureValidation } from '@lookalike/train'
import { drawCurves } from './lib/draw-curves.mjs'
import { pick } from './lib/linear-maps.mjs'
import { mean, shown } from './lib/seeds.mjs'
import { fitHead } from './lib/train-head.mjs'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    dims: { type: 'string', default: '8,16,32' },
    settings: { type: 'string', default: 'divide:0,divide:0.1,divide:1000' },
    seeds: { type: 'string', default: '0,1,2' },
    epochs: { type: 'string', default: '20' },
    out: { type: 'string' },
    cache: { type: 'string', default: 'examples/.lookalike' },
    choose: { type: 'boolean', default: false },
    threads: { type: 'string', default: '2' },
    svg: { type: 'string' },
  },
})
const out = path.resolve(values.out ?? mkdtempSync(path.join(tmpdir(), 'lookalike-proxies-')))
mkdirSync(out, { recursive: true })
const threads = Number(values.threads)
const epochs = Number(values.epochs)

/** A network for 224 pixels that pools its last map takes other sizes as well, once its input no longer says 224. */
async function forSmallImages(file) {
  const model = await loadModel(file)
  const inputs = model.graph.inputs.map((input) => ({ ...input, shape: ['N', 3, 96, 96] }))
  const small = path.join(out, 'encoder-96.onnx')
  await saveModel(small, { ...model, graph: { ...model.graph, inputs } })
  return {
    use: 'onnx',
    model: small,
    preprocessing: {
      resize: { mode: 'shortest-edge', size: 96 },
      crop: { width: 96, height: 96 },
      interpolation: 'bicubic',
      background: [255, 255, 255],
      scale: 1,
      mean: [127, 127, 127],
      std: [127.5, 127.5, 127.5],
      channels: 'rgb',
      layout: 'nchw',
    },
  }
}

/** All images of the benchmark as unit vectors. */
async function embedded() {
  const names = ['train', 'encoders', 'losses', 'gallery', 'datasets'].map((name) => `@lookalike/${name}`)
  const registry = createRegistry(await loadPlugins(names, import.meta.dirname))
  const config = {
    name: 'features',
    seed: 0,
    index: 'exact',
    images: { onCorrupt: 'fail' },
    cache: path.resolve(values.cache),
    runs: out,
    threads,
    evaluate: { split: 'test', ks: [1], metrics: ['recall'], reporters: [] },
    dataset: { use: 'emoji', protocol: 'all' },
    encoder: values.model ? await forSmallImages(values.model) : 'mini',
  }
  const pipeline = await createPipeline(defaultConfig(process.cwd(), { overrides: config }), registry)
  const { items } = await pipeline.dataset()
  const { embeddings } = await pipeline.embed(
    items.map(({ source }) => ({ source })),
    'gallery',
  )
  await pipeline.dispose()
  return { items, dim: embeddings.dim, data: unitRows(embeddings.data, embeddings.dim) }
}

const all = await embedded()
const trainClasses = [...new Set(all.items.filter(({ split }) => split === 'train').map(({ label }) => label))].sort()
const heldOut = new Set(values.choose ? trainClasses.filter((_, i) => i % 5 === 0) : [])
const rowsOf = (wanted) => all.items.flatMap((item, row) => (wanted(item) ? [row] : []))
const train = rowsOf(({ split, label }) => split === 'train' && !heldOut.has(label))
const test = rowsOf(values.choose ? ({ label }) => heldOut.has(label) : ({ split }) => split === 'test')
const classes = trainClasses.filter((label) => !heldOut.has(label))
const labels = Int32Array.from(train, (row) => classes.indexOf(all.items[row].label))
const LARGEST = 'soft-orthogonality/largest-cosine'

/** Each test image among all others. */
function measured(data, dim) {
  const asked = test.map((row) => ({ ...all.items[row], isQuery: true, isGallery: true }))
  return measureValidation(asked, data, dim)
}

const orthogonality = {
  divide: (lambda) => ({ lambda, divide: true }),
  whole: (lambda) => ({ lambda }),
  raw: (lambda) => ({ lambda, normalise: false }),
}

async function run(dim, setting, seed) {
  const [kind, lambda] = setting.split(':')
  const loss = proxyAnchor({ orthogonality: orthogonality[kind](Number(lambda)) })
  const head = await fitHead({ data: all.data, dim: all.dim, rows: train, labels }, loss, {
    seed,
    threads,
    dim,
    epochs,
    learningRate: 0.001,
    perBatch: 45,
  })
  const figures = await measured(await head.embed(pick(all.data, all.dim, test)), dim)
  await head.dispose()
  const said = head.logs.at(-1)
  return {
    recall: figures['recall@1'],
    map: figures['map@r'],
    cosine: said[LARGEST],
    squares: meanSquare(head.parameters[0].data, dim),
    loss: said.loss,
    curve: head.logs.map((each) => each[LARGEST]),
  }
}

/** Mean squared cosine of two different proxies; at least (C / D - 1) / (C - 1), which an even spread has. */
function meanSquare(data, dim) {
  const unit = unitRows(data, dim)
  const rows = unit.length / dim
  const gram = new Float64Array(dim * dim)
  for (let row = 0; row < unit.length; row += dim)
    for (let i = 0; i < dim; i++) for (let j = 0; j < dim; j++) gram[i * dim + j] += unit[row + i] * unit[row + j]
  return (gram.reduce((sum, value) => sum + value ** 2, 0) - rows) / (rows * (rows - 1))
}

const percent = (list) =>
  shown(
    list.map((value) => 100 * value),
    2,
  )

const file = path.join(out, 'results.jsonl')
const known = new Map(
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => [JSON.parse(line).key, JSON.parse(line)])
    : [],
)
console.log(
  `${classes.length} classes to train on, ${test.length} images to measure on, embeddings of ${all.dim}. Results in ${out}.`,
)
const untouched = await measured(pick(all.data, all.dim, test), all.dim)
console.log(
  `no head | ${all.dim} | R@1 ${(100 * untouched['recall@1']).toFixed(2)} | MAP@R ${(100 * untouched['map@r']).toFixed(2)}`,
)
const curves = []
for (const [i, dim] of values.dims.split(',').map(Number).entries()) {
  for (const setting of values.settings.split(',')) {
    const results = []
    for (const seed of values.seeds.split(',').map(Number)) {
      const key = JSON.stringify({ model: values.model ?? 'mini', choose: values.choose, dim, setting, epochs, seed })
      if (!known.has(key)) {
        const began = performance.now()
        known.set(key, { key, ...(await run(dim, setting, seed)), seconds: (performance.now() - began) / 1000 })
        appendFileSync(file, `${JSON.stringify(known.get(key))}\n`)
      }
      results.push(known.get(key))
    }
    if (i === 0)
      curves.push({
        label: `${setting}, ${dim} dimensions`,
        lines: results.map(({ curve }) => curve.map((cosine, epoch) => [epoch + 1, cosine])),
      })
    const of = (name) => results.map((result) => result[name])
    console.log(
      `${setting} | ${dim} | R@1 ${percent(of('recall'))} | MAP@R ${percent(of('map'))} | largest cosine ${mean(of('cosine')).toFixed(3)} | mean square ${mean(of('squares')).toFixed(4)} | ${mean(of('seconds')).toFixed(0)} s`,
    )
  }
}
if (values.svg) writeFileSync(values.svg, drawCurves(curves, { x: 'epoch', y: 'largest cosine of two proxies' }))
