import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  type Combiner,
  createEmbeddings,
  createRanking,
  type Dataset,
  definePlugin,
  type Encoder,
  type Gallery,
  isLookalikeError,
  matchesFilter,
  type Plugin,
  parseFilter,
  type Reranker,
  type VectorIndex,
} from '@lookalike/core'
import { runTrainer } from '@lookalike/pipeline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
// The store that authors begin with keeps every claim; wrong ones are made from it.
import { createStore } from '../../create-plugin/templates/gallery/src/my-plugin.js'
import {
  checkAugmentation,
  checkCombiner,
  checkDataset,
  checkDefinition,
  checkEncoder,
  checkGallery,
  checkIndex,
  checkLoss,
  checkReporter,
  checkReranker,
  checkSampler,
  checkTrainer,
  type Issue,
} from './index.js'
import {
  goodAugmentation,
  goodCombiner,
  goodDataset,
  goodEncoder,
  goodEngine,
  goodLoss,
  goodReporter,
  goodReranker,
  goodSampler,
  goodTrainer,
} from './testing/good-parts.js'

type Wrong = readonly [what: string, issues: () => Promise<readonly Issue[]>, checks: readonly string[]]

const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const similarity = (query: readonly Float32Array[], gallery: readonly Float32Array[]) =>
  query.reduce((sum, vector, k) => sum + dot(vector, gallery[k]!) / 2, 0)

/** What the good encoder gives, changed. */
const encoder =
  (change: (data: Float32Array, rows: number) => Float32Array, more: Partial<Encoder> = {}): (() => Encoder) =>
  () => {
    const good = goodEncoder()
    return {
      ...good,
      async encode(batch, options) {
        const { data, rows, dim, space } = await good.encode(batch, options)
        return { data: change(data, rows), rows, dim, space, role: 'any' }
      },
      ...more,
    }
  }
const reranker =
  (
    change: (positions: Int32Array, distances: Float32Array) => { positions?: Int32Array; distances?: Float32Array },
    more: Partial<Reranker> = {},
  ) =>
  () => {
    const good = goodReranker()
    return {
      ...good,
      rerank: async (...request: Parameters<Reranker['rerank']>) => {
        const { ranking, warnings } = await good.rerank(...request)
        return { ranking: { ...ranking, ...change(ranking.positions.slice(), ranking.distances.slice()) }, warnings }
      },
      ...more,
    }
  }
const combiner = (change: (good: Combiner) => Partial<Combiner>) => () => {
  const good = goodCombiner()
  return { ...good, ...change(good) }
}
const items = (change: (item: Dataset['items'][number], i: number) => Partial<Dataset['items'][number]>) => () => ({
  ...goodDataset(),
  items: goodDataset().items.map((item, i) => ({ ...item, ...change(item, i) })),
})
const index = (change: (good: VectorIndex, rows: (Float32Array | undefined)[]) => Partial<VectorIndex>) => () =>
  checkIndex(() => goodEngine(change))

let home = ''
let places = 0
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'lookalike-broken-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

const gallery =
  (change: (good: Gallery) => Partial<Gallery> = () => ({})) =>
  () =>
    checkGallery(() => {
      const store = createStore(path.join(home, `${places++}`))
      return {
        ...store,
        async open(options) {
          const good = await store.open(options)
          // Getters have to stay getters.
          return Object.defineProperties(good, Object.getOwnPropertyDescriptors(change({ ...good })))
        },
      }
    })

const plugin = definePlugin({
  specVersion: 'v1',
  kind: 'sampler',
  name: 'good',
  description: 'Batches of eight.',
  options: z.strictObject({ size: z.int().default(8).describe('Images in a batch.') }),
  create: goodSampler,
})

describe('right plugins pass', () => {
  it.each<readonly [string, () => Promise<readonly Issue[]>]>([
    ['definition', () => checkDefinition(plugin)],
    ['encoder', () => checkEncoder(goodEncoder, { variants: [() => goodEncoder('good/2', 2)] })],
    ['loss', () => checkLoss(goodLoss)],
    ['combiner', () => checkCombiner(goodCombiner, { similarity })],
    ['reranker', () => checkReranker(goodReranker)],
    ['reranker that wants images', () => checkReranker(() => ({ ...goodReranker(), needs: 'images' }))],
    ['index', () => checkIndex(goodEngine)],
    [
      'index that is not saved',
      () =>
        checkIndex(() => ({
          ...goodEngine(() => ({ save: undefined }) as unknown as Partial<VectorIndex>),
          saves: false,
        })),
    ],
    ['gallery', gallery()],
    ['dataset', () => checkDataset(goodDataset)],
    ['sampler', () => checkSampler(goodSampler)],
    ['augmentation', () => checkAugmentation(goodAugmentation, { size: 'same' })],
    ['reporter', () => checkReporter(goodReporter)],
    [
      'trainer',
      () => checkTrainer(goodTrainer, { dataset: goodDataset, encoder: () => goodEncoder(), train: runTrainer }),
    ],
  ])('%s', async (_kind, issues) => {
    expect(await issues()).toEqual([])
  })
})

const wrong: readonly Wrong[] = [
  ['definition without a full sentence', () => checkDefinition({ ...plugin, description: '' }), ['plugin/description']],
  ['definition of another spec version', () => checkDefinition({ ...plugin, specVersion: 'v0' }), ['plugin/shape']],
  [
    'definition that takes any option',
    () => checkDefinition({ ...plugin, options: z.looseObject({}) } as Plugin),
    ['plugin/strict-options'],
  ],
  [
    'definition with an unexplained option',
    () => checkDefinition({ ...plugin, options: z.strictObject({ size: z.int().default(8) }) } as Plugin),
    ['plugin/described-options'],
  ],

  [
    'encoder that gives too few values',
    () => checkEncoder(encoder((data) => data.slice(1))),
    ['encoder/shape', 'encoder/batch-size'],
  ],
  ['encoder of no whole dim', () => checkEncoder(() => ({ ...goodEncoder(), batchSize: 0 })), ['encoder/contract']],
  [
    'encoder with NaN for dark images',
    () => checkEncoder(encoder((data) => data.map((value, i) => (i % 12 === 0 && value === -1 ? NaN : value)))),
    ['encoder/finite'],
  ],
  [
    'encoder that looks at nothing',
    () => checkEncoder(encoder((data) => data.map((_, i) => i % 12))),
    ['encoder/looks'],
  ],
  [
    'encoder that subtracts the mean of the batch',
    () =>
      checkEncoder(
        encoder((data, rows) => {
          const mean = data.reduce((sum, value) => sum + value, 0) / rows / 12
          return data.map((value) => value - mean)
        }),
      ),
    ['encoder/batch-size'],
  ],
  [
    'encoder with chance in it',
    () => checkEncoder(encoder((data) => data.map((value) => value + 1e-6 * Math.random()))),
    ['encoder/deterministic'],
  ],
  [
    'encoder with a space of its own each time',
    () => {
      let number = 0
      return checkEncoder(() => goodEncoder(`good/${number++}`))
    },
    ['encoder/space'],
  ],
  [
    'encoder whose space says nothing of its options',
    () => checkEncoder(() => goodEncoder(), { variants: [() => goodEncoder('good/1', 2)] }),
    ['encoder/space'],
  ],
  [
    'encoder that works in the batch itself',
    () =>
      checkEncoder(() => {
        const good = goodEncoder()
        return {
          ...good,
          async encode(batch, options) {
            const result = await good.encode(batch, options)
            if (batch.kind === 'pixels') batch.data.fill(0)
            return result
          },
        }
      }),
    ['encoder/input'],
  ],
  [
    'encoder that hands out one buffer',
    () => {
      const buffer = new Float32Array(1000)
      return checkEncoder(
        encoder((data) => {
          buffer.set(data)
          return buffer.subarray(0, data.length)
        }),
        { deterministic: true },
      )
    },
    ['encoder/batch-size', 'encoder/output'],
  ],
  [
    'encoder that does not hear the signal',
    () =>
      checkEncoder(() => {
        const good = goodEncoder()
        return { ...good, encode: (batch) => good.encode(batch) }
      }),
    ['encoder/abort'],
  ],
  [
    'encoder that is put away with all of its kind',
    () => {
      let gone = false
      return checkEncoder(() => {
        const good = goodEncoder()
        return {
          ...good,
          encode: async (...given) => {
            if (gone) throw new Error('the session is closed')
            return good.encode(...given)
          },
          dispose: async () => void (gone = true),
        }
      })
    },
    ['encoder/dispose'],
  ],

  [
    'loss with gradients of the wrong sign for its parameters',
    () =>
      checkLoss(() =>
        goodLoss((loss) => ({
          async compute(input) {
            const output = await loss.compute(input)
            return {
              ...output,
              gradients: {
                ...output.gradients,
                parameters: { centres: output.gradients.parameters['centres']!.map((g) => -g) },
              },
            }
          },
        })),
      ),
    ['loss/gradients'],
  ],
  [
    'loss whose gradients are ten per cent too large',
    () =>
      checkLoss(() =>
        goodLoss((loss) => ({
          async compute(input) {
            const output = await loss.compute(input)
            return {
              ...output,
              gradients: { ...output.gradients, embeddings: output.gradients.embeddings.map((g) => 1.1 * g) },
            }
          },
        })),
      ),
    ['loss/gradients'],
  ],
  [
    'loss that hides its parameters',
    () => checkLoss(() => goodLoss(() => ({ parameters: [] }))),
    ['loss/shape', 'loss/empty-batch', 'loss/single-class'],
  ],
  [
    'loss that divides by no rows',
    () =>
      checkLoss(() =>
        goodLoss((loss) => ({
          async compute(input) {
            const output = await loss.compute(input)
            return input.rows === 0 ? { ...output, value: output.value / input.rows } : output
          },
        })),
      ),
    ['loss/empty-batch'],
  ],
  [
    'loss that needs two classes',
    () =>
      checkLoss(() =>
        goodLoss((loss) => ({
          async compute(input) {
            const output = await loss.compute(input)
            return input.rows > 0 && new Set(input.labels).size < 2 ? { ...output, value: NaN } : output
          },
        })),
      ),
    ['loss/single-class'],
  ],
  [
    'loss that weighs rows by their place',
    () =>
      checkLoss(() =>
        goodLoss((loss) => ({
          async compute(input) {
            const output = await loss.compute(input)
            const first = input.rows > 0 ? input.embeddings[0]! : 0
            const embeddings = output.gradients.embeddings.slice()
            if (input.rows > 0) embeddings[0]! += 1
            return { ...output, value: output.value + first, gradients: { ...output.gradients, embeddings } }
          },
        })),
      ),
    ['loss/order'],
  ],
  [
    'loss with a memory that it does not tell of',
    () =>
      checkLoss(() => goodLoss(() => ({ state: undefined, restore: undefined }) as unknown as Record<never, never>)),
    ['loss/deterministic'],
  ],
  [
    'loss that forgets its state',
    () => checkLoss(() => goodLoss((loss, memory) => ({ restore: () => void (memory.mean = 0) }))),
    ['loss/state'],
  ],
  [
    'loss that trains its parameters itself',
    () =>
      checkLoss(() =>
        goodLoss((loss) => ({
          async compute(input) {
            const output = await loss.compute(input)
            const { data } = loss.parameters[0]!
            output.gradients.parameters['centres']!.forEach((g, i) => (data[i]! -= 1e-7 * g))
            return output
          },
        })),
      ),
    ['loss/deterministic', 'loss/untouched'],
  ],
  [
    'loss that cannot be put away twice',
    () =>
      checkLoss(() =>
        goodLoss(() => {
          let gone = false
          return {
            dispose() {
              if (gone) throw new Error('disposed already')
              gone = true
            },
          }
        }),
      ),
    ['loss/dispose'],
  ],

  [
    'combiner with another inner product than it declares',
    () => checkCombiner(goodCombiner, { similarity: (query, gallery) => dot(query[0]!, gallery[0]!) }),
    ['combiner/similarity'],
  ],
  [
    'combiner that mixes up roles',
    () =>
      checkCombiner(
        combiner((good) => ({
          async combineQuery(members) {
            const { embeddings } = await good.combineQuery(members)
            return { embeddings: { ...embeddings, role: 'gallery' as 'query' } }
          },
        })),
        { similarity },
      ),
    ['combiner/shape'],
  ],
  [
    'combiner that takes any members',
    () =>
      checkCombiner(
        combiner((good) => ({
          combineGallery: (members) =>
            good.combineGallery(
              members.slice(0, 2).map((member, k) => ({ ...member, space: good.galleryEncoders[k]!.space })),
            ),
        })),
      ),
    ['combiner/members'],
  ],
  [
    'combiner that weighs an image by those beside it',
    () =>
      checkCombiner(
        combiner((good) => ({
          async combineGallery(members) {
            const { embeddings } = await good.combineGallery(members)
            return {
              embeddings: createEmbeddings({
                ...embeddings,
                data: embeddings.data.map((value) => value / embeddings.rows),
              }),
            }
          },
        })),
      ),
    ['combiner/rows'],
  ],

  [
    'reranker that drops a result',
    () =>
      checkReranker(
        reranker((positions, distances) => ({ positions: positions.slice(0, -1), distances: distances.slice(0, -1) })),
      ),
    ['reranker/permutation', 'reranker/short-lists', 'reranker/equal-candidates'],
  ],
  [
    'reranker that changes the tail',
    () =>
      checkReranker(
        reranker((positions) => {
          if (positions.length > 12) [positions[11], positions[12]] = [positions[12]!, positions[11]!]
          return { positions }
        }),
      ),
    ['reranker/permutation', 'reranker/equal-candidates'],
  ],
  [
    'reranker that names a result twice',
    () =>
      checkReranker(
        reranker((positions) => {
          if (positions.length > 5) positions[0] = positions[1]!
          return { positions }
        }),
      ),
    ['reranker/permutation', 'reranker/equal-candidates'],
  ],
  [
    'reranker with distances that fall',
    () =>
      checkReranker(
        reranker((_, distances) => {
          if (distances.length > 5) distances[0] = 9
          return { distances }
        }),
      ),
    ['reranker/permutation', 'reranker/equal-candidates'],
  ],
  [
    'reranker that fails on an empty list',
    () =>
      checkReranker(
        reranker((positions) => {
          if (positions.length === 0) throw new TypeError('reading the first of none')
          return {}
        }),
      ),
    ['reranker/short-lists'],
  ],
  [
    'reranker that sorts what it was given',
    () =>
      checkReranker(() => ({
        ...goodReranker(),
        async rerank({ ranking }, { signal } = {}) {
          signal?.throwIfAborted()
          ranking.positions.subarray(0, 10).sort()
          return { ranking: createRanking(ranking.positions, ranking.distances), warnings: [] }
        },
      })),
    ['reranker/input'],
  ],
  [
    'reranker that remembers the query before',
    () => {
      let calls = 0
      return checkReranker(
        reranker((positions) => ({
          positions:
            ++calls % 4 === 3 && positions.length > 12
              ? Int32Array.of(...positions.slice(0, 10).reverse(), ...positions.slice(10))
              : positions,
        })),
      )
    },
    ['reranker/deterministic'],
  ],

  ['index that forgets removals', index(() => ({ remove: async () => {} })), ['index/remove', 'index/persistence']],
  [
    'index that gives positions of removed rows to others',
    index((good, rows) => ({
      async remove(positions) {
        for (const position of [...positions].sort((a, b) => b - a)) rows.splice(position, 1)
      },
    })),
    ['index/remove', 'index/persistence'],
  ],
  [
    'index that finds half of the nearest',
    index((good) => ({
      search: async (queries, k, options) =>
        (await good.search(queries, 2 * k, options)).map(({ positions, distances }) => ({
          positions: positions.length >= 2 * k ? positions.filter((_, i) => i % 2 === 0) : positions.slice(0, k),
          distances: distances.length >= 2 * k ? distances.filter((_, i) => i % 2 === 0) : distances.slice(0, k),
        })),
    })),
    [
      'index/recall',
      'index/incremental',
      'index/own-copy',
      'index/remove',
      'index/filter',
      'index/persistence',
      'index/dispose',
    ],
  ],
  [
    'index that filters after the search',
    index((good) => ({
      search: async (queries, k, { allow = () => true, ...rest } = {}) =>
        (await good.search(queries, k, rest)).map(({ positions, distances }) => ({
          positions: positions.filter((position) => allow(position)),
          distances: distances.filter((_, i) => allow(positions[i]!)),
        })),
    })),
    ['index/filter'],
  ],
  [
    'index that takes any space',
    index((good) => ({ search: (queries, ...rest) => good.search({ ...queries, space: good.space }, ...rest) })),
    ['index/spaces'],
  ],
  [
    "index that keeps the caller's vectors",
    index((good, rows) => ({
      async add(embeddings, options) {
        const before = rows.length
        await good.add(embeddings, options)
        for (let row = 0; row < embeddings.rows; row++)
          rows[before + row] = embeddings.data.subarray(row * embeddings.dim, (row + 1) * embeddings.dim)
      },
    })),
    ['index/own-copy'],
  ],
  [
    'gallery that forgets the metadata',
    gallery((good) => ({
      add: (items, ...rest) =>
        good.add(
          items.map((item) => ({ ...item, metadata: undefined as never })),
          ...rest,
        ),
    })),
    [
      'gallery/contents',
      'gallery/filters',
      'gallery/unknown-key',
      'gallery/replace',
      'gallery/update',
      'gallery/remove',
      'gallery/bad-input',
      'gallery/rewrite',
      'gallery/parallel',
      'gallery/writers',
    ],
  ],
  [
    'gallery that filters after the search',
    gallery((good) => ({
      async search(queries, k, { filter = {}, ...rest } = {}) {
        const found = await good.search(queries, k, rest)
        await good.count({ filter })
        return found.map((hits) => hits.filter(({ entry }) => matchesFilter(entry.metadata, parseFilter(filter))))
      },
    })),
    ['gallery/filters'],
  ],
  [
    'gallery that finds rejected images',
    gallery((good) => ({ search: (queries, k, rest) => good.search(queries, k, { ...rest, includeRejected: true }) })),
    ['gallery/search', 'gallery/filters', 'gallery/remove'],
  ],
  [
    'gallery that finds nothing by an unknown key',
    gallery((good) => {
      const none = (error: unknown) => {
        if (isLookalikeError(error, 'gallery/unknown-key')) return undefined
        throw error
      }
      return {
        search: async (queries, ...rest) =>
          (await good.search(queries, ...rest).catch(none)) ?? Array.from({ length: queries.rows }, () => []),
        count: async (...rest) => (await good.count(...rest).catch(none)) ?? 0,
        page: async (...rest) => (await good.page(...rest).catch(none)) ?? { entries: [] },
      }
    }),
    ['gallery/unknown-key'],
  ],
  [
    'gallery that changes half of what it was asked to',
    gallery((good) => ({
      async update(changes) {
        for (const change of changes) await good.update([change])
      },
    })),
    ['gallery/update'],
  ],
  [
    'gallery that keeps one set of codes',
    gallery((good) => ({ codes: (reranker) => good.codes(reranker, 'all') })),
    ['gallery/codes'],
  ],
  [
    'index that does not hear the signal',
    index((good) => ({ search: (queries, k, { allow } = {}) => good.search(queries, k, allow && { allow }) })),
    ['index/abort'],
  ],
  [
    'index that opens anything',
    () =>
      checkIndex(() => {
        const good = goodEngine()
        return {
          ...good,
          open: (binding) => good.open(binding).catch(() => good.open({ dim: binding.dim, space: binding.space })),
        }
      }),
    ['index/damaged-file'],
  ],

  [
    'data set with an id twice',
    () => checkDataset(items((_, i) => (i === 1 ? { id: '0.png' } : {}))),
    ['dataset/ids', 'dataset/triples'],
  ],
  ['data set without labels', () => checkDataset(items(() => ({ label: '' }))), ['dataset/items']],
  [
    'data set with queries that nothing answers',
    () => checkDataset(items((_, i) => ({ label: `label ${i}` }))),
    ['dataset/queries'],
  ],
  [
    'data set with a gallery in another split',
    () => checkDataset(items((_, i) => (i < 4 ? { isGallery: false } : { split: 'validation', isQuery: false }))),
    ['dataset/queries'],
  ],
  [
    'data set with triples of strangers',
    () =>
      checkDataset(() => ({
        ...goodDataset(),
        triples: [{ reference: 'x', a: '1.png', b: '2.png', closer: 'a', split: 'test' }],
      })),
    ['dataset/triples'],
  ],
  [
    'data set in another order each time',
    () => {
      let times = 0
      return checkDataset(() => ({
        ...goodDataset(),
        items: times++ === 0 ? goodDataset().items : [...goodDataset().items].reverse(),
      }))
    },
    ['dataset/deterministic'],
  ],
  [
    'data set of files that are not there',
    () => checkDataset(items(() => ({ source: '/nowhere/at-all.png' }))),
    ['dataset/images'],
  ],

  [
    'sampler past the end',
    () =>
      checkSampler(() => ({ ...goodSampler(), epoch: (given) => [Int32Array.of(0, given.labels.length)] }), {
        shuffles: false,
        coversAll: false,
      }),
    ['sampler/positions'],
  ],
  [
    'sampler with chance of its own',
    () =>
      checkSampler(() => ({
        ...goodSampler(),
        epoch: (given) => [Int32Array.from(given.labels, () => Math.floor(Math.random() * given.labels.length))],
      })),
    ['sampler/seeded'],
  ],
  [
    'sampler of the first images',
    () => checkSampler(() => ({ ...goodSampler(), epoch: (_, random) => [random.permutation(48)] })),
    ['sampler/covers'],
  ],

  [
    'augmentation that writes into the picture',
    () =>
      checkAugmentation(() => ({
        ...goodAugmentation(),
        apply(image, random) {
          const by = 1 + random.integer(50)
          image.data.forEach((value, i) => (image.data[i] = value + by))
          return image
        },
      })),
    ['augmentation/pure'],
  ],
  [
    'augmentation with chance of its own',
    () =>
      checkAugmentation(() => ({
        ...goodAugmentation(),
        apply: (image) => ({ ...image, data: image.data.map(() => Math.random() * 255) }),
      })),
    ['augmentation/seeded'],
  ],
  [
    'augmentation that changes the size',
    () =>
      checkAugmentation(() => ({
        ...goodAugmentation(),
        apply: ({ data, height }) => ({ data: data.slice(0, height * 3), width: 1, height }),
      })),
    ['augmentation/shape'],
  ],
  [
    'augmentation that does nothing',
    () => checkAugmentation(() => ({ ...goodAugmentation(), apply: (image) => image })),
    ['augmentation/changes'],
  ],

  [
    'reporter that writes outside the folder',
    () => checkReporter(() => ({ ...goodReporter(), write: (_, output) => output.write('../good.json', 'more') })),
    ['reporter/files'],
  ],
  [
    'reporter that writes past the output',
    () =>
      checkReporter(() => ({
        ...goodReporter(),
        async write(result, output) {
          await writeFile(path.join(output.folder, 'more.txt'), 'more')
          return goodReporter().write(result, output)
        },
      })),
    ['reporter/files'],
  ],
  [
    'reporter with the time in it',
    () => {
      let time = 0
      return checkReporter(() => ({
        ...goodReporter(),
        write: (_, output) => output.write('good.json', String(time++)),
      }))
    },
    ['reporter/deterministic'],
  ],
  [
    'reporter that needs a curve',
    () =>
      checkReporter(() => ({
        ...goodReporter(),
        async write(result, output) {
          if (!result.curves[0]) throw new TypeError('no curve')
          return goodReporter().write(result, output)
        },
      })),
    ['reporter/sparse'],
  ],

  [
    'trainer without an artefact',
    () =>
      checkTrainer(
        () => ({
          ...goodTrainer(),
          train: async (request) => ({ ...(await goodTrainer().train(request)), artefact: 'weights.bin' }),
        }),
        { dataset: goodDataset, encoder: () => goodEncoder(), train: runTrainer },
      ),
    ['trainer/result'],
  ],
  [
    'trainer that starts over when it resumes, with the next seed',
    () =>
      checkTrainer(
        () => ({
          ...goodTrainer(),
          train: (request) =>
            goodTrainer().train(
              request.run.resumed
                ? { ...request, run: { ...request.run, resumed: false, seed: request.run.seed + 1 } }
                : request,
            ),
        }),
        { dataset: goodDataset, encoder: () => goodEncoder(), train: runTrainer },
      ),
    ['trainer/resume'],
  ],
  [
    'trainer that does not stop',
    () =>
      checkTrainer(
        () => ({
          ...goodTrainer(),
          train: (request) => goodTrainer().train({ ...request, signal: new AbortController().signal }),
        }),
        { dataset: goodDataset, encoder: () => goodEncoder(), train: runTrainer },
      ),
    ['trainer/resume'],
  ],
]

describe('wrong plugins fail, each for its reason', () => {
  it.each(wrong)('%s', async (_what, issues, checks) => {
    const found = await issues()
    expect([...new Set(found.map(({ check }) => check))], JSON.stringify(found, undefined, 1)).toEqual(checks)
  })
})
