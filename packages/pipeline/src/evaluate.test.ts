import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Combiner,
  createEmbeddings,
  createRanking,
  createRegistry,
  type Dataset,
  type DatasetItem,
  definePlugin,
  type Embeddings,
  type Plugin,
  type Warning,
} from '@lookalike/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { parseConfig } from './config/parse-config.js'
import { createPipeline } from './create-pipeline.js'
import type { Pipeline } from './pipeline.js'

const none = z.strictObject({})
const solid = (r: number, g: number, b: number) => ({
  width: 2,
  height: 2,
  data: Uint8Array.from({ length: 12 }, (_, i) => [r, g, b][i % 3]!),
})

let calls: string[] = []
/** The mean colour, brought to unit length. */
const colour = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'builtin',
  description: 'x',
  options: none,
  create: () => ({
    specVersion: 'v1',
    name: 'builtin',
    dim: 3,
    space: 'colour/1',
    batchSize: 4,
    input: {
      kind: 'pixels',
      preprocessing: {
        resize: { mode: 'squash' },
        crop: { width: 1, height: 1 },
        interpolation: 'box',
        background: [255, 255, 255],
        scale: 1 / 255,
        mean: [0, 0, 0],
        std: [1, 1, 1],
        channels: 'rgb',
        layout: 'nchw',
      },
    },
    async encode(batch) {
      if (batch.kind !== 'pixels') throw new Error('pixels wanted')
      calls.push(`encode ${batch.count}`)
      const data = batch.data.slice()
      for (let i = 0; i < batch.count; i++) {
        const row = data.subarray(i * 3, i * 3 + 3)
        const length = Math.hypot(...row)
        for (let j = 0; j < 3; j++) row[j] = row[j]! / length
      }
      return createEmbeddings({ data, rows: batch.count, dim: 3, space: 'colour/1', role: 'any' })
    },
    dispose: async () => void calls.push('dispose'),
  }),
})

/** The encoder as it is; the baseline turns the gallery's colours around. Red that is a bit blue is unsure. */
const unsure = definePlugin({
  specVersion: 'v1',
  kind: 'combiner',
  name: 'unsure',
  description: 'x',
  options: z.strictObject({ folder: z.string().exactOptional() }),
  async create({ folder: from }, context) {
    const encoder = await context.create('encoder', 'builtin')
    const own = from === undefined ? '' : ` of ${path.basename(from)}`
    const combiner = (name: string, swap: boolean): Combiner => ({
      specVersion: 'v1',
      name,
      queryEncoders: [encoder],
      galleryEncoders: [encoder],
      dim: 3,
      space: name + own,
      combineQuery: async ([given]) => ({
        embeddings: createEmbeddings({ ...given!, space: name + own, role: 'query' }),
      }),
      async combineGallery([given]) {
        const data = swap ? given!.data.map((_, i) => given!.data[i - (i % 3) + 2 - (i % 3)]!) : given!.data
        return {
          embeddings: createEmbeddings({ ...given!, data, space: name + own, role: 'gallery' }),
          uncertainty: Float32Array.from({ length: given!.rows }, (_, row) =>
            data[row * 3]! > 0.9 && data[row * 3 + 2]! > 0.01 ? 1 : 0,
          ),
        }
      },
      dispose: async () => undefined,
    })
    return {
      ...combiner('unsure', false),
      baselines: async () => [{ name: 'colours swapped', combiner: combiner('swapped', true) }],
      dispose: () => encoder.dispose(),
    }
  },
})

const exact = definePlugin({
  specVersion: 'v1',
  kind: 'index',
  name: 'exact',
  description: 'x',
  options: none,
  create: () => ({
    name: 'exact',
    async open({ dim, space }) {
      const rows: Float32Array[] = []
      return {
        specVersion: 'v1',
        name: 'exact',
        dim,
        space,
        get size() {
          return rows.length
        },
        add: async (embeddings: Embeddings) => {
          for (let i = 0; i < embeddings.rows; i++) rows.push(embeddings.data.subarray(i * dim, (i + 1) * dim))
        },
        remove: async () => undefined,
        async search(queries: Embeddings, k: number) {
          return Array.from({ length: queries.rows }, (_, q) => {
            const query = queries.data.subarray(q * dim, (q + 1) * dim)
            const found = rows
              .map(
                (row, position) => [position, 1 - row.reduce((sum, value, i) => sum + value * query[i]!, 0)] as const,
              )
              .sort((a, b) => a[1] - b[1] || a[0] - b[0])
              .slice(0, k)
            return createRanking(
              Int32Array.from(found, ([position]) => position),
              Float32Array.from(found, ([, distance]) => distance),
            )
          })
        },
        dispose: async () => undefined,
      }
    },
  }),
})

/** Turns the first two around. */
const swap = definePlugin({
  specVersion: 'v1',
  kind: 'reranker',
  name: 'swap',
  description: 'x',
  options: none,
  create: () => ({
    specVersion: 'v1',
    name: 'swap',
    needs: 'embeddings',
    topN: 2,
    prepare: async () => void calls.push('prepare'),
    rerank: async ({ ranking: { positions: p, distances } }) => ({
      ranking: createRanking(Int32Array.from([p[1]!, p[0]!, ...p.subarray(2)]), distances),
      warnings: [],
    }),
    dispose: async () => undefined,
  }),
})

const lines = definePlugin({
  specVersion: 'v1',
  kind: 'reporter',
  name: 'lines',
  description: 'x',
  options: none,
  create: () => ({ specVersion: 'v1', name: 'lines', write: (_, output) => output.write('nothing.txt', '') }),
})

const trainer = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'metric',
  description: 'x',
  options: z.strictObject({ epochs: z.int().default(2) }),
  create: ({ epochs }) => ({
    specVersion: 'v1',
    name: 'metric',
    async train({ run, dataset, encoder }) {
      const { seed, resumed } = run
      await run.log.write({})
      return {
        artefact: 'model.onnx',
        metrics: { epochs, seed, resumed: resumed ? 1 : 0, items: dataset.items.length, dim: encoder.dim },
        stopped: 'finished' as const,
      }
    },
  }),
})

/** Writes which channels the encoder "onnx" keeps. */
const channels = definePlugin({
  specVersion: 'v1',
  kind: 'trainer',
  name: 'channels',
  description: 'x',
  options: z.strictObject({
    keep: z.array(z.int()),
    named: z.boolean().default(true),
    usedBy: z.enum(['combiner', 'reranker']).exactOptional(),
  }),
  create: ({ keep, named, usedBy }) => ({
    specVersion: 'v1',
    name: 'channels',
    async train({ run }) {
      await run.write('model.onnx', JSON.stringify(keep))
      if (named) await run.artefact('model', 'model.onnx')
      const how = usedBy && { kind: usedBy, use: 'unsure', option: 'folder', path: 'directory' as const }
      return { artefact: 'model.onnx', metrics: {}, stopped: 'finished' as const, usedBy: how }
    },
  }),
})

const masked = definePlugin({
  specVersion: 'v1',
  kind: 'encoder',
  name: 'onnx',
  description: 'x',
  options: z.strictObject({ model: z.string() }),
  async create({ model }, context) {
    const text = await readFile(path.resolve(context.folder, model), 'utf8')
    const keep = JSON.parse(text) as number[]
    const encoder = await context.create('encoder', 'builtin')
    const space = `${encoder.space} of ${text}`
    return {
      ...encoder,
      name: 'onnx',
      space,
      async encode(batch, options) {
        const { data, ...rest } = await encoder.encode(batch, options)
        const kept = data.map((value, i) => (keep.includes(i % 3) ? value : 0.001))
        return createEmbeddings({ ...rest, data: kept.map((value) => value), space })
      },
    }
  },
})

const item = (
  id: string,
  label: string,
  pixels: [number, number, number],
  extra: Partial<DatasetItem> = {},
): DatasetItem => ({
  id,
  label,
  source: solid(...pixels),
  split: 'test',
  isQuery: true,
  isGallery: true,
  ...extra,
})
const reds = [item('r1', 'red', [250, 0, 0]), item('r2', 'red', [240, 20, 0])]
const greens = [item('g1', 'green', [0, 250, 0]), item('g2', 'green', [0, 240, 30])]
const blues = [item('b1', 'blue', [0, 0, 250]), item('b2', 'blue', [0, 40, 240])]

let folder = ''
const opened: Pipeline[] = []
beforeEach(async () => {
  calls = []
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-evaluate-'))
})
afterEach(async () => {
  for (const pipeline of opened.splice(0)) await pipeline.dispose()
  await rm(folder, { recursive: true, force: true })
})

async function pipelineOf(
  dataset: Omit<Dataset, 'specVersion' | 'name'>,
  config: Record<string, unknown> = {},
  onWarning?: (warning: Warning) => void,
) {
  const data = definePlugin({
    specVersion: 'v1',
    kind: 'dataset',
    name: 'given',
    description: 'x',
    options: none,
    create: () => ({ specVersion: 'v1', name: 'given', ...dataset }),
  })
  const registry = createRegistry([colour, unsure, exact, swap, lines, trainer, channels, masked, data] as Plugin[])
  const parsed = parseConfig(
    {
      dataset: 'given',
      encoder: 'builtin',
      index: 'exact',
      evaluate: { reporters: ['lines'], ...(config.evaluate as object | undefined) },
      ...Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'evaluate')),
    },
    'run',
  )
  const pipeline = await createPipeline({ config: parsed, folder }, registry, {
    onWarning,
    encoderOfFile: (model) => ({ use: 'onnx', model }),
  })
  opened.push(pipeline)
  return pipeline
}

describe('evaluate', () => {
  it('measures the search, each image embedded once and never found by itself', async () => {
    const pipeline = await pipelineOf({ items: [...reds, ...greens, ...blues] }, { cache: false })
    const result = await pipeline.evaluate()
    expect(result.stages).toHaveLength(1)
    expect(result.stages[0]!.metrics).toMatchObject({ 'recall@1': 1, 'map@r': 1, 'precision@2': 0.5 })
    expect(result.stages[0]!.rankings.map(({ positions }) => positions[0])).toEqual([1, 0, 3, 2, 5, 4])
    expect(result.stages[0]!.rankings[0]!.positions).toHaveLength(5)
    expect(calls).toEqual(['encode 4', 'encode 2'])
    expect(result.curves[0]).toMatchObject({ name: 'search', x: { label: 'k' }, y: { values: [1, 1, 1, 1, 1, 1] } })
    await pipeline.dispose()
    expect(calls.at(-1)).toBe('dispose')
  })

  it('measures each reranker beside the stage before', async () => {
    const pipeline = await pipelineOf({ items: [...reds, ...greens] }, { rerankers: ['swap', 'swap'] })
    const { stages } = await pipeline.evaluate()
    expect(stages.map(({ name, metrics }) => [name, metrics['recall@1'], metrics['recall@2']])).toEqual([
      ['search', 1, 1],
      ['swap', 0, 1],
      ['swap', 1, 1],
    ])
    expect(calls.filter((call) => call === 'prepare')).toHaveLength(2)
  })

  it('keeps queries and gallery apart, and measures by category', async () => {
    const asQuery = { isGallery: false, category: 'warm' }
    const asGallery = { isQuery: false }
    const items = [
      item('q1', 'red', [250, 0, 0], asQuery),
      item('q2', 'green', [250, 10, 0], { ...asQuery, category: 'cold' }),
      item('g1', 'red', [250, 5, 0], asGallery),
      item('g2', 'green', [0, 250, 0], asGallery),
      item('t', 'red', [250, 0, 0], { split: 'train' }),
    ]
    const { stages, queries, gallery } = await (await pipelineOf({ items })).evaluate()
    expect(queries.map(({ id }) => id)).toEqual(['q1', 'q2'])
    expect(gallery.map(({ id }) => id)).toEqual(['g1', 'g2'])
    expect(stages[0]!.metrics['recall@1']).toBe(0.5)
    expect(stages[0]!.categories).toMatchObject({ warm: { 'recall@1': 1 }, cold: { 'recall@1': 0, 'recall@2': 1 } })
  })

  it('does not let frames of one sequence answer each other', async () => {
    const items = [...reds.map((red) => ({ ...red, sequence: 's' })), item('r3', 'red', [100, 90, 90]), ...greens]
    const { stages } = await (await pipelineOf({ items })).evaluate()
    expect(Array.from(stages[0]!.rankings[0]!.positions)).not.toContain(1)
  })

  it('measures triples beside labels, and alone', async () => {
    const triples = [
      { reference: 'r1', a: 'r2', b: 'g1', closer: 'a' as const, split: 'test' as const, context: 'one' },
      { reference: 'r1', a: 'r2', b: 'g1', closer: 'b' as const, split: 'test' as const, context: 'two' },
      { reference: 'b1', a: 'b2', b: 'b2', closer: 'b' as const, split: 'test' as const, context: 'two' },
      { reference: 'b1', a: 'b2', b: 'g2', closer: 'b' as const, split: 'train' as const },
    ]
    const both = await (await pipelineOf({ items: [...reds, ...greens, ...blues], triples })).evaluate()
    expect(both.stages[0]!.metrics).toMatchObject({ 'recall@1': 1, 'triplet-accuracy': 0.5 })
    expect(both.stages[0]!.categories).toMatchObject({
      one: { 'triplet-accuracy': 1 },
      two: { 'triplet-accuracy': 0.25 },
    })
    const alone = await (
      await pipelineOf({ items: [...reds, ...greens, ...blues].map((each) => ({ ...each, isQuery: false })), triples })
    ).evaluate()
    expect(alone.stages).toHaveLength(1)
    expect(alone.stages[0]!.metrics).toEqual({ 'triplet-accuracy': 0.5 })
  })

  it('warns of queries without an answer, unreadable images and a k beyond the gallery', async () => {
    const warnings: Warning[] = []
    const items = [
      ...reds,
      item('lonely', 'lonely', [9, 9, 9]),
      { ...item('gone', 'red', [1, 1, 1]), source: path.join(folder, 'gone.png') },
    ]
    const result = await (await pipelineOf({ items }, {}, (warning) => warnings.push(warning))).evaluate()
    expect(warnings.map(({ code }) => code).sort()).toEqual([
      'evaluate/k-too-large',
      'image/not-found',
      'metrics/no-answer',
    ])
    expect(result.warnings).toHaveLength(3)
    expect(result.queries.map(({ id }) => id)).toEqual(['r1', 'r2', 'lonely'])
    expect(result.stages[0]!.metrics['recall@1']).toBe(1)
    await expect((await pipelineOf({ items }, { images: { onCorrupt: 'fail' } })).evaluate()).rejects.toMatchObject({
      code: 'image/not-found',
    })
  })

  it('measures a combiner beside its baselines, and what rejecting does', async () => {
    const items = [...reds, ...greens, ...blues, item('odd', 'green', [250, 0, 5])]
    const evaluate = { baselines: true, ks: [1], metrics: ['recall'] }
    const warnings: Warning[] = []
    const { stages, comparison, rejection, curves } = await (
      await pipelineOf({ items }, { combiner: 'unsure', evaluate }, (warning) => warnings.push(warning))
    ).evaluate()
    expect(comparison!.map(({ name }) => name)).toEqual(['unsure', 'colours swapped'])
    expect(comparison![0]!.metrics).toEqual(stages[0]!.metrics)
    expect(comparison![1]!.metrics['recall@1']).toBeLessThan(stages[0]!.metrics['recall@1']!)
    for (const { encodingMilliseconds, searchMilliseconds } of comparison!)
      expect(Math.min(encodingMilliseconds, searchMilliseconds)).toBeGreaterThan(0)
    // The odd one is the least sure: without it the reds find each other, and its own query is an error still.
    expect(rejection!.risk[0]).toBeGreaterThan(rejection!.risk[3]!)
    expect(curves.map(({ name }) => name.replace(/ \(.*/, ''))).toEqual([
      'search',
      'least sure first',
      'at random',
      'oracle',
    ])
    expect(warnings).toEqual([])
    // An encoder has none: says so.
    const plain = await (await pipelineOf({ items }, { evaluate }, (warning) => warnings.push(warning))).evaluate()
    expect(plain.comparison).toBeUndefined()
    expect(warnings.map(({ code }) => code)).toEqual(['evaluate/no-baselines'])
  })

  it('measures a config with stages as a whole, and the encoders of its stages beside it', async () => {
    const items = [...reds, ...greens, ...blues]
    const config = {
      evaluate: { ks: [1], metrics: ['recall'] },
      train: { use: 'channels' },
      stages: [
        { name: 'blind', encoder: 'builtin', train: { keep: [2] } },
        { name: 'other', encoder: 'builtin', train: { keep: [0], named: false } },
        { name: 'seeing', encoder: { use: 'onnx', model: '${stages.blind}/model.onnx' }, train: { keep: [0, 1, 2] } },
      ],
      encoder: { use: 'onnx', model: '${stages.seeing}/model.onnx' },
    }
    const pipeline = await pipelineOf({ items }, config)
    await pipeline.trainStages()
    const { stages, comparison } = await pipeline.evaluate()
    expect(stages[0]!.metrics['recall@1']).toBe(1)
    // A stage that names no model has no row.
    expect(comparison!.map(({ name }) => name)).toEqual(['onnx', 'stage blind', 'stage seeing'])
    const [whole, blind, seeing] = comparison!.map(({ metrics }) => metrics['recall@1']!)
    expect(blind).toBeLessThan(whole!)
    expect(seeing).toBe(whole)
    // With the combiner's own baselines, these follow.
    const both = await pipelineOf(
      { items },
      { ...config, combiner: 'unsure', evaluate: { ...config.evaluate, baselines: true } },
    )
    expect((await both.evaluate()).comparison!.map(({ name }) => name)).toEqual([
      'unsure',
      'stage blind',
      'stage seeing',
      'colours swapped',
    ])
  })

  it('shows what each stage adds: ensembles too, then the whole and what reranks it', async () => {
    const stage = (name: string, usedBy: string) => ({
      name,
      train: { keep: [0], named: false, usedBy },
    })
    const config = {
      evaluate: { ks: [1], metrics: ['recall'] },
      train: { use: 'channels' },
      stages: [stage('joined', 'combiner'), stage('pair', 'reranker'), stage('gallery', 'combiner')],
      combiner: { use: 'unsure', folder: '${stages.gallery}' },
      rerankers: ['swap', 'swap'],
    }
    const pipeline = await pipelineOf({ items: [...reds, ...greens, ...blues] }, config)
    const trained = await pipeline.trainStages()
    const { stages, comparison } = await pipeline.evaluate()
    // The last stage is the whole itself.
    expect(comparison!.map(({ name }) => name)).toEqual(['unsure', 'then swap', 'then swap', 'stage joined'])
    expect(comparison!.slice(0, 3).map(({ metrics }) => metrics)).toEqual(stages.map(({ metrics }) => metrics))
    const times = comparison!.slice(0, 3).map(({ searchMilliseconds }) => searchMilliseconds)
    expect(times).toEqual([...times].sort((a, b) => a - b))
    // A stage that is kept is used as it was.
    expect(await pipeline.trainStages({ resume: true })).toEqual(trained)
  })

  it('gives the same over blocks as a metric over the whole gallery', async () => {
    const items = Array.from({ length: 1100 }, (_, i) =>
      item(`i${i}`, `c${i % 300}`, [(i * 37) % 256, (i * 91) % 256, 1 + ((i * 53) % 255)]),
    )
    const { stages, queries } = await (
      await pipelineOf({ items }, { cache: false, evaluate: { metrics: ['mrr', 'recall'], ks: [1, 1000] } })
    ).evaluate()
    expect(queries).toHaveLength(1100)
    const { metrics } = stages[0]!
    expect(metrics.mrr).toBeGreaterThan(metrics['recall@1']!)
    expect(metrics['recall@1000']).toBeGreaterThan(metrics['recall@1']!)
  })

  it.each([
    ['no dataset', {}, { dataset: undefined }, 'config/missing', /dataset: \{ use.*lookalike plugins dataset/s],
    ['no encoder', {}, { encoder: undefined }, 'config/missing', /names no encoder/],
    ['no search engine', {}, { index: undefined }, 'config/missing', /names no index/],
    ['an empty split', {}, { evaluate: { split: 'validation' } }, 'evaluate/empty', /validation 0, test 2/],
    ['classes of one image', { items: [reds[0]!, greens[0]!] }, {}, 'evaluate/empty', /another image of its class/],
    [
      'an unknown metric',
      {},
      { evaluate: { metrics: ['r-precison'] } },
      'config/invalid',
      /evaluate\.metrics\[0\].*Did you mean "r-precision"/,
    ],
  ])('refuses %s', async (_, dataset, config, code, message) => {
    const run = async () =>
      (await pipelineOf({ items: reds, ...dataset }, config as Record<string, unknown>)).evaluate()
    await expect(run()).rejects.toMatchObject({ code, message: expect.stringMatching(message) as unknown })
  })
})

describe('createPipeline', () => {
  it('writes the resolved config beside the reports', async () => {
    const pipeline = await pipelineOf({ items: reds })
    const files = await pipeline.report(await pipeline.evaluate())
    expect(files.map((file) => path.relative(folder, file))).toEqual([
      'runs/run/config.resolved.json',
      'runs/run/nothing.txt',
    ])
    const resolved = JSON.parse(await readFile(files[0]!, 'utf8')) as { config: unknown; plugins: unknown }
    expect(resolved).toMatchObject({
      config: { seed: 0, encoder: { use: 'builtin' } },
      plugins: { 'encoder/builtin': 'this program' },
    })
  })

  it('trains into the run folder, and never over an earlier run unasked', async () => {
    const pipeline = await pipelineOf({ items: reds }, { train: { use: 'metric', epochs: 5 }, seed: 3 })
    expect((await pipeline.train()).metrics).toEqual({ epochs: 5, seed: 3, resumed: 0, items: 2, dim: 3 })
    expect(await readdir(pipeline.runFolder)).toEqual(['README.md', 'config.resolved.json', 'log.jsonl', 'run.json'])
    await expect(pipeline.train()).rejects.toMatchObject({
      code: 'train/run-exists',
      message: expect.stringContaining('--resume') as unknown,
    })
    expect((await pipeline.train({ resume: true })).metrics.resumed).toBe(1)
    expect((await pipeline.train({ overwrite: true })).metrics.resumed).toBe(0)
    await expect((await pipelineOf({ items: reds })).train()).rejects.toMatchObject({ code: 'config/missing' })
  })

  it('checks every option before anything is made', async () => {
    await expect(pipelineOf({ items: reds }, { train: { use: 'metric', epocs: 5 } })).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining('train.epocs') as unknown,
    })
    expect(calls).toEqual([])
  })
})
