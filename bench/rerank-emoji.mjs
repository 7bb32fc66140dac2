/**
 * The rerankers on the emoji benchmark: stage 1 trained from scratch (ViT, triplet loss), pair models on top, and the classical rerankers.
 * Prints CMC@1, MAP@5 and milliseconds a query of each, over seeds. The defaults take hours on two cores; everything can be made smaller.
 *
 *     npx turbo run build && node bench/rerank-emoji.mjs [--seeds 0,1,2] [--protocol all] [--fusions 0,late] [--epochs 30] [--pair-epochs 10]
 *         [--head-epochs 3] [--size 64] [--dim 192] [--depth 6] [--queries 0] [--cache examples/.lookalike] [--runs bench/runs]
 *
 * `--queries n` reranks only every so many queries that n are left; the gallery stays whole. Finished trainings in `--runs` are used again.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createEmbeddings, createPipeline, createRanking, createRegistry, loadPlugins, selectRows } from '@lookalike/core'
import { createAlphaQueryExpansion, createKReciprocal, createStir } from '@lookalike/rerank'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0,1,2' }, protocol: { type: 'string', default: 'all' }, fusions: { type: 'string', default: '0,late' },
    epochs: { type: 'string', default: '30' }, 'pair-epochs': { type: 'string', default: '10' }, 'head-epochs': { type: 'string', default: '3' },
    size: { type: 'string', default: '64' }, patch: { type: 'string', default: '8' }, dim: { type: 'string', default: '192' }, depth: { type: 'string', default: '6' },
    queries: { type: 'string', default: '0' }, cache: { type: 'string', default: 'examples/.lookalike' }, runs: { type: 'string', default: 'bench/runs' },
    threads: { type: 'string', default: '2' },
  },
})
const number = (name) => Number(values[name])
const names = ['train', 'encoders', 'losses', 'index', 'datasets', 'rerank'].map((name) => `@lookalike/${name}`)
const registry = createRegistry(await loadPlugins(names, import.meta.dirname))
const folder = process.cwd()

function pipelineOf(config) {
  return createPipeline({ folder, config }, registry, { onWarning: ({ message }) => console.warn(message) })
}
const base = (name, seed, rest) => ({
  name, seed, plugins: [], index: 'exact', gallery: 'gallery', rerankers: [], images: { onCorrupt: 'skip' }, cache: values.cache, runs: values.runs,
  threads: number('threads'), evaluate: { split: 'test', ks: [1, 5], metrics: ['recall', 'map'], reporters: [] },
  dataset: { use: 'emoji', protocol: values.protocol, validation: 0.1 }, ...rest,
})

async function trained(pipeline, file) {
  const whole = path.join(pipeline.runFolder, file)
  if (!existsSync(whole)) await pipeline.train({ resume: existsSync(pipeline.runFolder), onProgress: quietly(pipeline.config.name) })
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

const table = []
for (const seed of values.seeds.split(',').map(Number)) {
  const tag = `${values.protocol}-${values.size}-${values.dim}x${values.depth}-e${values.epochs}-s${seed}`
  const stageOne = await pipelineOf(base(`stage-1-${tag}`, seed, {
    encoder: { use: 'vit', imageSize: number('size'), patchSize: number('patch'), stem: 'conv', dim: number('dim'), depth: number('depth'), heads: Math.max(1, number('dim') / 64), embeddingDim: number('dim') },
    train: {
      use: 'metric-learning', loss: { use: 'triplet', margin: 0.15 }, epochs: number('epochs'), optimizer: { learningRate: 5e-4, weightDecay: 0.05 },
      schedule: { shape: 'cosine', warmUp: 1 },
      augmentations: [{ use: 'random-resized-crop', scale: [0.6, 1] }, { use: 'color-jitter', brightness: 0.25, contrast: 0.25, saturation: 0.5, hue: 0.08 }, { use: 'grayscale', probability: 0.25 }],
    },
  }))
  const model = await trained(stageOne, 'model.onnx')
  await stageOne.dispose()

  const rerankers = { 'k-reciprocal': createKReciprocal(), 'alpha-query-expansion': createAlphaQueryExpansion() }
  for (const fusion of values.fusions.split(',').filter(Boolean).map((text) => (text === 'late' ? text : Number(text)))) {
    const stageTwo = await pipelineOf(base(`stir-${fusion}-h${values['head-epochs']}-p${values['pair-epochs']}-${tag}`, seed, {
      encoder: { use: 'onnx', name: 'stage-1', model },
      train: { use: 'stir', fusion, epochs: number('pair-epochs'), headEpochs: number('head-epochs') },
    }))
    const file = await trained(stageTwo, 'pair.onnx')
    const card = JSON.parse(await readFile(path.join(path.dirname(file), 'card.json'), 'utf8'))
    console.error(JSON.stringify({ fusion, ...card.metrics }))
    await stageTwo.dispose()
    rerankers[`stir, fusion ${fusion}`] = await createStir({ model: file, threads: number('threads') })
    rerankers[`stir, fusion ${fusion}, symmetric`] = await createStir({ model: file, symmetric: true, threads: number('threads') })
  }
  table.push(...(await measure(seed, model, rerankers)))
}
console.table(table)

/** Searches once and gives every reranker the same lists. */
async function measure(seed, model, rerankers) {
  const pipeline = await pipelineOf(base('measure', seed, { encoder: { use: 'onnx', name: 'stage-1', model } }))
  const { items } = await pipeline.dataset()
  const test = items.filter(({ split }) => split === 'test')
  const { embeddings, positions } = await pipeline.embed(test.map(({ source }) => ({ source })), 'gallery')
  const known = Array.from(positions, (position) => test[position])
  const side = (wanted) => {
    const rows = known.flatMap((item, row) => (wanted(item) ? [row] : []))
    return { items: rows.map((row) => known[row]), embeddings: selectRows(embeddings, rows) }
  }
  const gallery = side(({ isGallery }) => isGallery)
  let queries = side(({ isQuery }) => isQuery)
  const wanted = number('queries') || queries.items.length
  const chosen = queries.items.map((_, i) => i).filter((i) => Math.floor((i * wanted) / queries.items.length) !== Math.floor(((i - 1) * wanted) / queries.items.length))
  queries = { items: chosen.map((i) => queries.items[i]), embeddings: selectRows(queries.embeddings, chosen) }

  const index = await (await pipeline.engine()).open({ dim: embeddings.dim, space: embeddings.space })
  await index.add(gallery.embeddings)
  const view = { embeddings: gallery.embeddings, nearest: (rows, k) => index.search(rows, k) }
  const began = performance.now()
  const lists = (await index.search(queries.embeddings, 101)).map(({ positions: found, distances }, row) => {
    const kept = Array.from(found, (_, i) => i).filter((i) => gallery.items[found[i]].id !== queries.items[row].id).slice(0, 100)
    return createRanking(Int32Array.from(kept, (i) => found[i]), Float32Array.from(kept, (i) => distances[i]))
  })
  const report = (name, rankings, milliseconds) => {
    let right = 0
    let precision = 0
    let answered = 0
    const sizes = new Map()
    for (const { label } of gallery.items) sizes.set(label, (sizes.get(label) ?? 0) + 1)
    for (const [row, { positions: found }] of rankings.entries()) {
      const { label, isGallery } = queries.items[row]
      const relevant = (sizes.get(label) ?? 0) - (isGallery ? 1 : 0)
      if (relevant === 0) continue
      answered++
      let hits = 0
      for (let i = 0; i < Math.min(5, found.length); i++) {
        if (gallery.items[found[i]].label !== label) continue
        if (i === 0) right++
        precision += ++hits / (i + 1) / Math.min(5, relevant)
      }
    }
    return { seed, reranker: name, 'CMC@1': +((100 * right) / answered).toFixed(2), 'MAP@5': +((100 * precision) / answered).toFixed(2), 'ms/query': +(milliseconds / rankings.length).toFixed(2), queries: answered }
  }
  const rows = [report('stage 1', lists, performance.now() - began)]
  const image = ({ source }) => ({ source })
  const nothing = createEmbeddings({ data: new Float32Array(0), rows: 0, dim: embeddings.dim, space: embeddings.space, role: 'any' })
  for (const [name, reranker] of Object.entries(rerankers)) {
    await reranker.prepare?.(view)
    const run = async (count) => {
      const done = []
      for (const [row, ranking] of lists.slice(0, count).entries()) {
        const top = ranking.positions.subarray(0, reranker.topN)
        const images = reranker.needs === 'images'
        const request = {
          ranking, query: selectRows(queries.embeddings, [row]), candidates: images ? nothing : selectRows(gallery.embeddings, top),
          ...(images && { queryImage: image(queries.items[row]), candidateImages: Array.from(top, (position) => image(gallery.items[position])) }),
        }
        done.push((await reranker.rerank(request)).ranking)
      }
      return done
    }
    // Candidates' tokens are made once for a gallery: what is timed is a query on a gallery that has them.
    if (reranker.needs === 'images') await run(lists.length)
    const started = performance.now()
    const rankings = await run(lists.length)
    rows.push(report(name, rankings, performance.now() - started))
    await reranker.dispose()
  }
  await index.dispose()
  await pipeline.dispose()
  return rows
}
