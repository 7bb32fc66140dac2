/**
 * What training on few photographs gains, on groceries, birds and cars: 20 classes with 24 photographs each, drawn by seed. 14 classes are
 * trained on: a head on the built-in encoder, which stays as it is, or the encoder's own last layers. Measured before and after: further photographs (of the groceries the official test part), of the 14
 * classes and of the other 6, each part searched in itself.
 *
 *     node bench/small-shops.mjs --data ../shared/data [--cars DIR] [--sets groceries,birds] [--seeds 0,1,2] [--cache DIR]
 *         [--classes 20 --trained 14 --each 24] [--recipe "sup-con, 10 epochs, 1e-3"] [--caltech FOLDER]
 *
 * `--cars` names a folder with `cars_train/` and `devkit/` (Cars-196's training half), `--caltech` one with `101_ObjectCategories/`. The set `all` is
 * all four together. An `--each` below 1 is a share of each class, which is trained on; of the other classes 24 photographs are measured then.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
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
import { photoSet } from './lib/photo-sets.mjs'
import { readIndex } from './lib/read-index.mjs'
import { shown } from './lib/seeds.mjs'

const { values: given } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    cars: { type: 'string', default: '' },
    caltech: { type: 'string', default: '' },
    sets: { type: 'string', default: 'groceries,birds' },
    seeds: { type: 'string', default: '0,1,2' },
    classes: { type: 'string', default: '20' },
    trained: { type: 'string', default: '14' },
    each: { type: 'string', default: '24' },
    recipe: { type: 'string' },
    cache: { type: 'string', default: path.join(tmpdir(), 'lookalike-bench') },
  },
})
const [CLASSES, TRAINED, EACH] = [given.classes, given.trained, given.each].map(Number)
/** Photographs of a class that is not trained on, where all are used. */
const OTHERS = 24

const msim = 'multi-similarity'
const quick = (learningRate, weightDecay = 1e-4) => ({
  epochs: 10,
  optimizer: { learningRate, weightDecay },
})
const slow = (learningRate) => ({ epochs: 20, optimizer: { learningRate } })
/** The built-in encoder's last blocks of 16, the convolution and the layer after them; what the others make of four views of each photograph is kept. */
const lastBlocks = (count, learningRate) => ({
  use: 'metric-learning',
  loss: 'sup-con',
  freeze: ['stem.*', ...Array.from({ length: 16 - count }, (_, block) => `blocks.${block}.*`)],
  cacheFrozen: { views: 4 },
  ...quick(learningRate),
})
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
  'sup-con, 20 epochs, 1e-3': { loss: 'sup-con', ...slow(1e-3) },
  'what comes after the blocks, sup-con, 10 epochs, 1e-4': lastBlocks(0, 1e-4),
  'last block, sup-con, 10 epochs, 1e-4': lastBlocks(1, 1e-4),
}

const registry = createRegistry([...encoders, ...losses, ...trainers])
const context = { folder: process.cwd(), cacheFolder: given.cache, seed: 0, threads: 1 }

/** `{ id, source, label, split }` of a set's photographs; where it has no test part, what is left of a class is one. */
async function photosOf(set) {
  const named = (id, source, label, split) => ({ id, source, label, split })
  if (set === 'all') return allPhotos()
  if (set === 'groceries') {
    const folder = path.resolve(given.data, 'grocery-store')
    const rows = await readIndex(folder)
    return rows.map(({ path: file, label, split }) => named(file, path.join(folder, file), label, split))
  }
  const items = await photoSet(set, {
    data: path.resolve(given.data),
    cars: path.resolve(given.cars),
    most: () => Number.POSITIVE_INFINITY,
  })
  const seen = new Map()
  return items.map(({ source, label }) => {
    const count = (seen.get(label) ?? 0) + 1
    seen.set(label, count)
    return named(source, source, label, count <= EACH ? 'train' : 'test')
  })
}

/** Every photograph of every set, the first ones of each class for training. */
async function allPhotos() {
  const photos = (await photosOf('groceries')).filter(({ split }) => split !== 'iconic')
  for (const set of ['birds', 'cars']) photos.push(...(await photosOf(set)))
  const folder = path.join(given.caltech, '101_ObjectCategories')
  for (const label of readdirSync(folder).filter((name) => name !== 'BACKGROUND_Google'))
    for (const file of readdirSync(path.join(folder, label)).sort()) {
      const source = path.join(folder, label, file)
      photos.push({ id: source, source, label })
    }
  const classes = new Map()
  for (const photo of photos) classes.set(photo.label, [...(classes.get(photo.label) ?? []), photo])
  return [...classes.values()].flatMap((members) =>
    members.map((photo, at) => ({ ...photo, split: at < EACH * members.length ? 'train' : 'test' })),
  )
}

/** The shop of a seed: 20 of the classes that have enough photos, 24 training photos of each, and all their test photos. */
function shopOf(photos, seed) {
  const random = createRandom(seed)
  const of = (label, split) => photos.filter((photo) => photo.label === label && photo.split === split)
  const labels = [...new Set(photos.map(({ label }) => label))]
    .sort()
    .filter((label) => of(label, 'train').length >= EACH && of(label, 'test').length >= 2)
  const most = EACH < 1 ? undefined : EACH
  const chosen = Array.from(random.permutation(labels.length).slice(0, CLASSES), (i) => labels[i])
  const trained = chosen.slice(0, TRAINED)
  return {
    train: trained.flatMap((label) => of(label, 'train').slice(0, most)),
    seen: trained.flatMap((label) => of(label, 'test')),
    unseen: chosen
      .slice(TRAINED)
      .flatMap((label) =>
        EACH < 1
          ? [...of(label, 'train'), ...of(label, 'test')].slice(0, OTHERS)
          : [...of(label, 'train').slice(0, EACH), ...of(label, 'test')],
      ),
  }
}

const encoder = await registry.create('encoder', 'builtin', context)
const cache = await openEmbeddingCache(path.join(given.cache, 'embeddings'), encoder.space, encoder.dim)
const openCache = async () => cache
const asItems = (items) => items.map((item) => ({ ...item, split: 'train', isQuery: true, isGallery: true }))

async function featuresOf(items, by = encoder, options = { openCache }) {
  const { embeddings, positions } = await embedImages(by, items, options)
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

/** What a whole trained network finds in a shop. */
async function figuresOf(model, shop) {
  const trained = await registry.create('encoder', { use: 'onnx', model }, context)
  const all = {}
  for (const part of ['seen', 'unseen']) {
    const { items, data } = await featuresOf(shop[part], trained, {})
    all[part] = await measureValidation(items, data, trained.dim)
  }
  await trained.dispose()
  return all
}

/** @returns the figures of each recipe, one for each seed */
async function measureSet(set) {
  const results = new Map()
  const photos = await photosOf(set)
  for (const seed of given.seeds.split(',').map(Number)) {
    const shop = shopOf(photos, seed)
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
      console.error(set, seed, name, JSON.stringify(values))
    }
    note('untuned', await figures((data) => ({ data, dim: encoder.dim })))
    for (const [name, recipe] of Object.entries(RECIPES)) {
      if (given.recipe !== undefined && name !== given.recipe) continue
      const run = mkdtempSync(path.join(tmpdir(), 'small-shop-'))
      const trainer = await registry.create(
        'trainer',
        {
          use: 'head',
          validation: 0,
          keep: 'last',
          sampler: { use: 'balanced', labels: Math.min(TRAINED, 32) },
          ...recipe,
        },
        { ...context, seed },
      )
      const dataset = { specVersion: 'v1', name: 'shop', items: asItems(shop.train) }
      const began = performance.now()
      await runTrainer(trainer, { dataset, encoder, folder: run, seed, overwrite: true, images: { openCache } })
      const seconds = (performance.now() - began) / 1000
      const file = path.join(run, 'model.onnx')
      if (recipe.use === 'metric-learning') note(name, { ...(await figuresOf(file, shop)), seconds })
      else {
        const weights = (await loadModel(file)).graph.initializers
        note(name, { ...(await figures((data) => throughHead(data, weights))), seconds })
      }
      rmSync(run, { recursive: true })
    }
  }
  return results
}

const columns = ['seen', 'unseen'].flatMap((part) => ['recall@1', 'map@r'].map((metric) => [part, metric]))
for (const set of given.sets.split(',')) {
  const results = await measureSet(set)
  console.log(`\n${set}\n`)
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
}
await cache.close()
await encoder.dispose()
