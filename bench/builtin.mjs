/**
 * How good encoders are on photographs and drawings that none of them was trained on: each test image queries all others of its set.
 *
 *     node bench/builtin.mjs --data ../shared/data [--caltech FOLDER] [--icons FOLDER] [--sets birds,groceries] [--encoders mini,builtin]
 *         [--concat mini+builtin] [--threads 1]
 *
 * Of Caltech-101 the folder holds `101_ObjectCategories` and `test.txt`; icons are those of the npm package `@iconify/json`, whose folder is given. An encoder
 * is a name or an ONNX file. Sets and encoders that are not there are named and left out.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createEmbeddings, createRegistry } from '@lookalike/core'
import datasets from '@lookalike/datasets'
import encoders from '@lookalike/encoders'
import { judgeEmbeddings, summarise } from '@lookalike/evaluate'
import { exactSimilarities } from '@lookalike/gallery'
import { decodeImage, embedImages, openEmbeddingCache, resizeImage } from '@lookalike/image'
import { iconsOfManyFamilies } from './lib/icons-of-many-families.mjs'
import { measured } from './lib/measured.mjs'
import { readIndex } from './lib/read-index.mjs'

const { values: given } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data' },
    caltech: { type: 'string' },
    icons: { type: 'string' },
    threads: { type: 'string' },
    sets: { type: 'string' },
    encoders: { type: 'string' },
    concat: { type: 'string', multiple: true, default: [] },
    cache: { type: 'string', default: path.join(tmpdir(), 'lookalike-bench') },
  },
})
const registry = createRegistry([...encoders, ...datasets])
const context = {
  folder: process.cwd(),
  cacheFolder: given.cache,
  seed: 0,
  threads: given.threads && Number(given.threads),
}
const at = (...parts) => path.resolve(given.data, ...parts)

const rowsOf = (folder, rows) => rows.map(({ path: file, label }) => ({ source: path.join(folder, file), label }))

const SETS = {
  async birds() {
    const folder = at('cub-50')
    return rowsOf(
      folder,
      (await readIndex(folder)).filter(({ label }) => label.slice(0, 3) > '025'),
    )
  },
  async groceries() {
    const folder = at('grocery-store')
    return rowsOf(
      folder,
      (await readIndex(folder)).filter(({ split }) => split === 'test'),
    )
  },
  async caltech() {
    const lines = (await readFile(path.join(given.caltech ?? 'missing', 'test.txt'), 'utf8')).trim().split('\n')
    return lines
      .filter((line) => !line.startsWith('BACKGROUND'))
      .map((line) => ({ source: path.join(given.caltech, '101_ObjectCategories', line), label: path.dirname(line) }))
  },
  async emoji() {
    const dataset = await registry.create('dataset', { use: 'emoji', protocol: 'all' }, context)
    return dataset.items.filter(({ split }) => split === 'test')
  },
  icons: () => iconsOfManyFamilies(given.icons ?? 'missing'),
}

const mobileNet = (size) => ({
  use: 'onnx',
  model: at('encoders/mobilenet_v2_1.0_224_imagenet.onnx'),
  preprocessing: {
    resize: { mode: 'shortest-edge', size: Math.round((size * 256) / 224) },
    crop: { width: size, height: size },
    scale: 0.00784314,
    mean: [127 * 0.00784314, 127 * 0.00784314, 127 * 0.00784314],
    std: [1, 1, 1],
  },
})
const ENCODERS = {
  mini: 'mini',
  builtin: 'builtin',
  photos: {
    use: 'onnx',
    model: at('encoders/vit-tiny-8-64-photos-drawings.onnx'),
    preprocessing: { resize: { mode: 'shortest-edge', size: 64 }, crop: { width: 64, height: 64 } },
  },
  'mobilenet-96': mobileNet(96),
  'mobilenet-224': mobileNet(224),
}

/** Cosine of raw 16 x 16 pixels. */
async function pixels(items) {
  const dim = 16 * 16 * 3
  const data = new Float32Array(items.length * dim)
  for (const [row, { source }] of items.entries()) {
    const small = resizeImage(await decodeImage({ source }), 16, 16).data
    const norm = Math.hypot(...small) || 1
    for (let i = 0; i < dim; i++) data[row * dim + i] = small[i] / norm
  }
  return createEmbeddings({ data, rows: items.length, dim, space: 'pixels', role: 'any' })
}

/** Rows side by side, each part of the same weight. */
function concat(parts) {
  const [{ rows }] = parts
  const dim = parts.reduce((sum, part) => sum + part.dim, 0)
  const data = new Float32Array(rows * dim)
  let start = 0
  for (const part of parts) {
    for (let row = 0; row < rows; row++)
      for (let i = 0; i < part.dim; i++)
        data[row * dim + start + i] = part.data[row * part.dim + i] / Math.sqrt(parts.length)
    start += part.dim
  }
  return createEmbeddings({ data, rows, dim, space: parts.map(({ space }) => space).join('+'), role: 'any' })
}

async function figures(embeddings, items) {
  const numbers = new Map([...new Set(items.map(({ label }) => label))].map((label, i) => [label, i]))
  const labels = Int32Array.from(items, ({ label }) => numbers.get(label))
  const own = Int32Array.from(items, (_, row) => row)
  const truth = { queryLabels: labels, galleryLabels: labels, own }
  const judged = await judgeEmbeddings(embeddings, embeddings, truth, { similarities: exactSimilarities })
  const { metrics } = summarise(judged, ['recall@1', 'map@r'])
  return Object.values(metrics).map((value) => (100 * value).toFixed(1))
}

const wanted = (list, all) => (list ? list.split(',') : all)
console.log('| set | images | encoder | R@1 | MAP@R | ms of processor time an image, decoding included |')
console.log('| --- | --- | --- | --- | --- | --- |')
for (const set of wanted(given.sets, Object.keys(SETS))) {
  const items = await SETS[set]().catch((error) => void console.error(`${set} is left out: ${error.message}`))
  if (!items) continue
  const row = async (name, embeddings, cost = '', read = items) =>
    console.log(`| ${set} | ${read.length} | ${name} | ${(await figures(embeddings, read)).join(' | ')} | ${cost} |`)
  const found = new Map()
  await row('raw pixels', await pixels(items))
  for (const name of wanted(given.encoders, Object.keys(ENCODERS))) {
    const ref = ENCODERS[name] ?? (existsSync(name) ? { use: 'onnx', model: path.resolve(name) } : name)
    const encoder = await registry
      .create('encoder', ref, context)
      .catch((error) => void console.error(`${name} is left out: ${error.message}`))
    if (!encoder) continue
    const cache = await openEmbeddingCache(path.join(given.cache, 'embeddings'), encoder.space, encoder.dim)
    const { embeddings, positions } = await embedImages(encoder, items, {
      openCache: async () => cache,
      onWarning: ({ message }) => console.error(message),
    })
    const some = items.slice(0, 200)
    const { cpu } = await measured(() => embedImages(encoder, some), some.length)
    found.set(name, embeddings)
    await row(
      name,
      embeddings,
      cpu.toFixed(1),
      Array.from(positions, (position) => items[position]),
    )
    await cache.close()
    await encoder.dispose()
  }
  for (const names of given.concat) await row(names, concat(names.split('+').map((name) => found.get(name))))
}
