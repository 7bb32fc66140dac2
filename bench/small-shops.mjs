/**
 * What training a head on few photographs gains: 20 classes of the Grocery Store data set with 24 photos each, drawn by seed. 14 classes are trained
 * on, the built-in encoder stays as it is. Measured before and after: photos of the official test part, of the 14 classes and of the other 6, each
 * part searched in itself.
 *
 *     node bench/small-shops.mjs --data ../shared/data [--seeds 0,1,2] [--cache DIR]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createRandom, createRegistry } from '@lookalike/core'
import encoders from '@lookalike/encoders'
import { embedImages, openEmbeddingCache } from '@lookalike/image'
import losses from '@lookalike/losses'
import { loadModel } from '@lookalike/onnx'
import { runTrainer } from '@lookalike/pipeline'
import trainers, { measureValidation } from '@lookalike/train'
import { readIndex } from './lib/read-index.mjs'
import { shown } from './lib/seeds.mjs'

const { values: given } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    seeds: { type: 'string', default: '0,1,2' },
    cache: { type: 'string', default: path.join(tmpdir(), 'lookalike-bench') },
  },
})
const CLASSES = 20
const TRAINED = 14
const EACH = 24

const msim = 'multi-similarity'
const quick = (learningRate, weightDecay = 1e-4) => ({
  head: { dim: 192 },
  epochs: 10,
  optimizer: { learningRate, weightDecay },
})
const slow = (learningRate) => ({ epochs: 20, optimizer: { learningRate } })
const RECIPES = {
  // The recipe of docs/training.md and the defaults until now.
  'multi-similarity, hidden 384, dim 128, 20 epochs, 1e-3': {
    loss: msim,
    head: { dim: 128, hidden: [384] },
    ...slow(1e-3),
  },
  'multi-similarity, dim 512, 20 epochs, 1e-3': { loss: msim, head: { dim: 512 }, ...slow(1e-3) },
  'multi-similarity, 10 epochs, 3e-4': { loss: msim, ...quick(3e-4) },
  'proxy-anchor, 10 epochs, 1e-3': { loss: 'proxy-anchor', ...quick(1e-3) },
  'sup-con, 10 epochs, 3e-4': { loss: 'sup-con', ...quick(3e-4) },
  'sup-con, 10 epochs, 1e-3': { loss: 'sup-con', ...quick(1e-3) },
  'sup-con, 10 epochs, 1e-3, decay 10': { loss: 'sup-con', ...quick(1e-3, 10) },
  'sup-con, 5 epochs, 1e-3': { loss: 'sup-con', ...quick(1e-3), epochs: 5 },
  'sup-con, 20 epochs, 1e-3': { loss: 'sup-con', ...slow(1e-3), head: { dim: 192 } },
}

const registry = createRegistry([...encoders, ...losses, ...trainers])
const context = { folder: process.cwd(), cacheFolder: given.cache, seed: 0, threads: 1 }
const folder = path.resolve(given.data, 'grocery-store')
const photos = (await readIndex(folder)).map(({ path: file, label, split }) => ({
  id: file,
  source: path.join(folder, file),
  label,
  split,
}))

/** The shop of a seed: 20 of the classes that have enough photos, 24 training photos of each, and all their test photos. */
function shopOf(seed) {
  const random = createRandom(seed)
  const of = (label, split) => photos.filter((photo) => photo.label === label && photo.split === split)
  const labels = [...new Set(photos.map(({ label }) => label))]
    .sort()
    .filter((label) => of(label, 'train').length >= EACH && of(label, 'test').length >= 2)
  const chosen = Array.from(random.permutation(labels.length).slice(0, CLASSES), (i) => labels[i])
  const trained = chosen.slice(0, TRAINED)
  return {
    train: trained.flatMap((label) => of(label, 'train').slice(0, EACH)),
    seen: trained.flatMap((label) => of(label, 'test')),
    unseen: chosen.slice(TRAINED).flatMap((label) => [...of(label, 'train').slice(0, EACH), ...of(label, 'test')]),
  }
}

const encoder = await registry.create('encoder', 'builtin', context)
const openCache = (space, dim) => openEmbeddingCache(path.join(given.cache, 'embeddings'), space, dim)
const asItems = (items) => items.map((item) => ({ ...item, split: 'train', isQuery: true, isGallery: true }))

async function featuresOf(items) {
  const { embeddings, positions } = await embedImages(encoder, items, { openCache })
  return { items: asItems(Array.from(positions, (position) => items[position])), data: embeddings.data }
}

/** Features through the linear layers of a trained head. */
function throughHead(data, weights) {
  let rows = data
  let width = encoder.dim
  for (let i = 0; weights.has(`lookalike.head.${i}.weight`); i++) {
    const weight = weights.get(`lookalike.head.${i}.weight`)
    const bias = weights.get(`lookalike.head.${i}.bias`).data
    const [, next] = weight.shape
    const last = !weights.has(`lookalike.head.${i + 1}.weight`)
    const out = new Float32Array((rows.length / width) * next)
    for (let row = 0; row < rows.length / width; row++)
      for (let o = 0; o < next; o++) {
        let sum = bias[o]
        for (let k = 0; k < width; k++) sum += rows[row * width + k] * weight.data[k * next + o]
        out[row * next + o] = last ? sum : Math.max(0, sum)
      }
    rows = out
    width = next
  }
  return { data: rows, dim: width }
}

const results = new Map()
for (const seed of given.seeds.split(',').map(Number)) {
  const shop = shopOf(seed)
  const parts = { seen: await featuresOf(shop.seen), unseen: await featuresOf(shop.unseen) }
  const figures = async (change) => {
    const all = {}
    for (const [name, { items, data }] of Object.entries(parts)) {
      const { data: vectors, dim } = change(data)
      all[name] = await measureValidation(items, vectors, dim)
    }
    return all
  }
  const note = (name, values) => {
    results.set(name, [...(results.get(name) ?? []), values])
    console.error(seed, name, JSON.stringify(values))
  }
  note('untuned', await figures((data) => ({ data, dim: encoder.dim })))
  for (const [name, recipe] of Object.entries(RECIPES)) {
    const run = mkdtempSync(path.join(tmpdir(), 'small-shop-'))
    const trainer = await registry.create(
      'trainer',
      { use: 'head', validation: 0, keep: 'last', sampler: { use: 'balanced', labels: TRAINED }, ...recipe },
      { ...context, seed },
    )
    const dataset = { specVersion: 'v1', name: 'shop', items: asItems(shop.train) }
    const began = performance.now()
    await runTrainer(trainer, { dataset, encoder, folder: run, seed, overwrite: true, images: { openCache } })
    const seconds = (performance.now() - began) / 1000
    const weights = (await loadModel(path.join(run, 'model.onnx'))).graph.initializers
    note(name, { ...(await figures((data) => throughHead(data, weights))), seconds })
    rmSync(run, { recursive: true })
  }
}
await encoder.dispose()

const columns = ['seen', 'unseen'].flatMap((part) => ['recall@1', 'map@r'].map((metric) => [part, metric]))
console.log('| recipe | R@1 trained | MAP@R trained | R@1 others | MAP@R others |\n| --- | --- | --- | --- | --- |')
for (const [name, runs] of results)
  console.log(
    `| ${name} | ${columns
      .map(([part, metric]) =>
        shown(
          runs.map((run) => 100 * run[part][metric]),
          1,
        ),
      )
      .join(' | ')} |`,
  )
