/**
 * All four methods at once on photographs: the config of `examples/whole-system` with pretrained encoders, on the groceries. Every second class is learnt
 * from, the others are measured, with up to 16 photographs of each. Judgements are made of the shop's own departments, which people sorted: an image of the
 * same kind (all apples) is closer than one of another kind of the same department (fruit, vegetables, packages), and each department is a context.
 * A query costs a fifth: MobileNetV2 at 96 pixels. Two heads on MobileNetV2 at 224 pixels are the members of the ensemble; it, the second of them and the built-in
 * encoder are the gallery's models.
 *
 *     node bench/whole-system-photos.mjs [--data ../shared/data] [--folder examples/.lookalike/whole-system-photos] [--seeds 0,1,2] [--threads 2] [--table]
 *
 * Run it again after it was stopped: it goes on where it was.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRandom } from '@lookalike/core'
import { loadModel, saveModel } from '@lookalike/onnx'
import { shown } from './lib/seeds.mjs'

const root = path.resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    data: { type: 'string', default: path.join(root, '..', 'shared', 'data') },
    folder: { type: 'string', default: path.join(root, 'examples/.lookalike/whole-system-photos') },
    seeds: { type: 'string', default: '0,1,2' },
    threads: { type: 'string', default: '2' },
    most: { type: 'string', default: '16' },
    table: { type: 'boolean', default: false },
  },
})
const folder = path.resolve(values.folder)
const data = path.resolve(values.data)
const shop = path.join(data, 'grocery-store')
mkdirSync(folder, { recursive: true })

const photos = readPhotos()
writeFileSync(path.join(folder, 'photos.csv'), csv(photos, ['path', 'label', 'split']))
// Each member has its own two thirds of the classes, as the models of a gallery do that were made at different times.
const learnt = [...new Set(photos.filter(({ split }) => split === 'train').map(({ label }) => label))]
for (const [name, without] of [
  ['first', 2],
  ['last', 0],
])
  writeFileSync(
    path.join(folder, `${name}.csv`),
    csv(
      photos.filter(({ label, split }) => split === 'train' && learnt.indexOf(label) % 3 !== without),
      ['path', 'label', 'split'],
    ),
  )
writeFileSync(path.join(folder, 'triples.csv'), csv(triples(), ['reference', 'a', 'b', 'closer', 'context', 'split']))
// The network has convolutions and a mean alone, so that it takes pictures of any size; its file says 224.
const heavy = path.join(data, 'encoders', 'mobilenet_v2_1.0_224_imagenet.onnx')
const model = await loadModel(heavy)
const inputs = model.graph.inputs.map((input) => ({ ...input, shape: ['N', 3, 96, 96] }))
await saveModel(path.join(folder, 'imagenet-96.onnx'), { ...model, graph: { ...model.graph, inputs } })
writeFileSync(path.join(folder, 'lookalike.config.yaml'), config())

for (const seed of values.seeds.split(',')) {
  const done = path.join(folder, 'runs', `groceries-${seed}`, 'metrics.json')
  if (existsSync(done) || values.table) continue
  const run = path.dirname(done)
  lookalike('train', `--name=groceries-${seed}`, `--seed=${seed}`, ...(existsSync(run) ? ['--resume'] : []))
}
printTable()

function readPhotos() {
  const [, ...lines] = readFileSync(path.join(shop, 'index.csv'), 'utf8').trim().split('\n')
  const seen = new Map()
  const all = lines
    .map((line) => line.split(','))
    .map(([file, label, part, kind]) => ({ path: file, label, part, kind, department: file.split('/')[2] }))
    .filter(({ part }) => part !== 'iconic')
  const classes = [...new Set(all.map(({ label }) => label))].sort()
  return all.flatMap((photo) => {
    const count = (seen.get(photo.label) ?? 0) + 1
    seen.set(photo.label, count)
    const split = classes.indexOf(photo.label) % 2 === 0 ? 'train' : 'test'
    return count <= Number(values.most) ? [{ ...photo, split }] : []
  })
}

/** 600 a department, of the classes that are learnt from; the last fifth of each chooses the weights. */
function triples() {
  const random = createRandom('departments')
  const made = []
  for (const department of ['Fruit', 'Packages', 'Vegetables']) {
    const own = photos.filter((photo) => photo.split === 'train' && photo.department === department)
    const any = (list) => list[random.integer(list.length)]
    for (let i = 0; i < 600; i++) {
      const reference = any(own)
      const near = any(own.filter(({ kind, path: file }) => kind === reference.kind && file !== reference.path))
      const far = any(own.filter(({ kind }) => kind !== reference.kind))
      const [a, b] = random.next() < 0.5 ? [near, far] : [far, near]
      made.push({
        reference: reference.path,
        a: a.path,
        b: b.path,
        closer: a === near ? 'a' : 'b',
        context: i % 5 === 4 ? '' : department.toLowerCase(),
        split: i % 5 === 4 ? 'validation' : 'train',
      })
    }
  }
  return made
}

function config() {
  // Fed as it was trained.
  const mobilenet = (model, name, edge, shortest) => `
      use: onnx
      name: ${name}
      model: ${model}
      preprocessing:
        resize: { mode: shortest-edge, size: ${shortest} }
        crop: { width: ${edge}, height: ${edge} }
        interpolation: bicubic
        background: [255, 255, 255]
        scale: 1
        mean: [127, 127, 127]
        std: [127.5, 127.5, 127.5]
        channels: rgb
        layout: nchw`
  return `name: groceries
runs: ./runs
cache: ./.cache
dataset: { use: csv, file: photos.csv, root: ${shop}, validation: 0.2 }
train:
  use: head
  loss: { use: proxy-anchor, proxyLearningRate: 30, orthogonality: {} }
  epochs: 10
  optimizer: { learningRate: 0.001 }
stages:
  - name: light
    encoder: ${mobilenet('imagenet-96.onnx', 'imagenet-96', 96, 110)}
  - name: first
    dataset: { file: first.csv }
    encoder: &mobilenet ${mobilenet(heavy, 'imagenet', 224, 256)}
  - name: last
    dataset: { file: last.csv }
    encoder: *mobilenet
  - name: contexts
    dataset: { use: triples, file: triples.csv, root: ${shop} }
    encoder: { use: onnx, name: first, model: '\${stages.first}/model.onnx' }
    train: { use: context-ensemble, encoders: [{ use: onnx, name: last, model: '\${stages.last}/model.onnx' }], merge: true }
  - name: gallery
    encoder: &light { use: onnx, name: light, model: '\${stages.light}/model.onnx' }
    train:
      use: cross-model
      query: *light
      transform: { kind: linear }
      members:
        - { name: contexts, encoder: { use: context-ensemble, folder: '\${stages.contexts}' } }
        - { name: photographs, encoder: builtin }
        - { name: last, encoder: { use: onnx, name: last, model: '\${stages.last}/model.onnx' } }
  - name: pair
    encoder: *mobilenet
    train: { use: stir, search: *light, grid: 7, dim: 64, blocks: 1, headEpochs: 0, epochs: 2, augmentations: [], topN: 20 }
encoder: *light
combiner: { use: cross-model, folder: '\${stages.gallery}' }
rerankers: [{ use: stir, model: '\${stages.pair}/pair.onnx', topN: 20 }]
evaluate:
  ks: [1, 5, 20]
  metrics: [recall, map@r]
  baselines: true
  targetRisks: [0.5, 0.3]
`
}

function csv(rows, columns) {
  return `${[columns.join(','), ...rows.map((row) => columns.map((column) => row[column]).join(','))].join('\n')}\n`
}

function lookalike(command, ...args) {
  console.error(`\n$ lookalike ${[command, ...args].join(' ')}`)
  const { status } = spawnSync(
    process.execPath,
    [path.join(root, 'apps/cli/dist/main.js'), command, `--config=${folder}`, `--threads=${values.threads}`, ...args],
    { stdio: 'inherit' },
  )
  if (status !== 0) process.exit(status ?? 1)
}

function printTable() {
  const rows = new Map()
  for (const seed of values.seeds.split(',')) {
    const file = path.join(folder, 'runs', `groceries-${seed}`, 'metrics.json')
    if (!existsSync(file)) continue
    for (const { name, metrics } of JSON.parse(readFileSync(file, 'utf8')).comparison)
      rows.set(name, [...(rows.get(name) ?? []), metrics])
  }
  const keys = ['recall@1', 'recall@5', 'recall@20', 'map@r']
  const cell = (all, key) =>
    shown(
      all.map((metrics) => 100 * metrics[key]),
      1,
    )
  console.log(`| | ${keys.join(' | ')} |\n| --- |${' ---: |'.repeat(keys.length)}`)
  for (const [name, all] of rows) console.log(`| ${name} | ${keys.map((key) => cell(all, key)).join(' | ')} |`)
}
