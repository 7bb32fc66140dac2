import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Augmentation,
  createRanking,
  type Encoder,
  type ImageRequest,
  type RawImage,
  type Reranker,
  type RerankRequest,
  type Warning,
} from '@lookalike/core'
import { buildVit, createOnnxEncoder } from '@lookalike/encoders'
import { createFolderCodes } from '@lookalike/gallery'
import { embedImages, encodePng, hashImage } from '@lookalike/image'
import { loadModel, saveModel, writeModel } from '@lookalike/onnx'
import { type RunTrainerOptions, runTrainer } from '@lookalike/pipeline'
import { randomResizedCrop } from '@lookalike/train'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { buildPairModel } from '../pair/build-pair-model.js'
import { clusteredVectors } from '../testing/random-gallery.js'
import { stripes, stripesDataset } from '../testing/stripes.js'
import { createStir as createStirAnywhere, type StirSettings } from './stir.js'
import { createStirTrainer } from './train-stir.js'

/** One thread: on a busy machine more of them only wait for each other. */
const threads = 1
const createStir = (settings: StirSettings) => createStirAnywhere({ threads, ...settings })

let folder: string
let encoder: Encoder
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stir-'))
  const model = buildVit({ imageSize: 16, patchSize: 4, dim: 24, depth: 3, heads: 2, seed: 1 })
  encoder = await createOnnxEncoder({ model: writeModel(model), name: 'tiny', threads: 1 })
})
afterAll(async () => {
  await encoder.dispose()
  await rm(folder, { recursive: true })
})

const vectors = clusteredVectors(12, 4, 3, 1)
function requestOf(
  query: ImageRequest,
  images: readonly (ImageRequest | undefined)[],
  length = images.length,
): RerankRequest {
  return {
    ranking: createRanking(
      Int32Array.from({ length }, (_, i) => i),
      Float32Array.from({ length }, (_, i) => 0.1 * (i + 1)),
    ),
    query: vectors,
    candidates: vectors,
    queryImage: query,
    candidateImages: images,
  }
}
const picture = (label: number, draw: number): ImageRequest => ({ source: stripes(label, draw) })
const order = async (reranker: Reranker, request: RerankRequest) => [
  ...(await reranker.rerank(request)).ranking.positions,
]

async function pairFile(options: Parameters<typeof buildPairModel>[1]): Promise<string> {
  const file = join(folder, `${JSON.stringify(options).replace(/\W/g, '')}.onnx`)
  const { model } = await buildPairModel(
    {
      model: await encoder.onnx!.bytes(),
      output: encoder.onnx!.output,
      preprocessing: (encoder.input as Extract<Encoder['input'], { kind: 'pixels' }>).preprocessing,
    },
    options,
  )
  await saveModel(file, model)
  return file
}
async function distancesByEncoder(query: ImageRequest, images: readonly ImageRequest[]): Promise<number[]> {
  const { embeddings } = await embedImages(encoder, [query, ...images])
  return images.map(
    (_, i) =>
      1 -
      Array.from({ length: 24 }, (_x, d) => embeddings.data[d]! * embeddings.data[(i + 1) * 24 + d]!).reduce(
        (a, b) => a + b,
      ),
  )
}

describe('the reranker stir', () => {
  const images = [picture(1, 1), picture(2, 2), picture(0, 3), picture(3, 4)]

  it('with an untrained late model sorts as the encoder does, whatever the order that came', async () => {
    const reranker = await createStir({ model: await pairFile({}), topN: 4 })
    const distances = await distancesByEncoder(picture(0, 0), images)
    const expected = [0, 1, 2, 3].sort((a, b) => distances[a]! - distances[b]!)
    expect(expected).not.toEqual([0, 1, 2, 3])
    expect(await order(reranker, requestOf(picture(0, 0), images))).toEqual(expected)
    await reranker.dispose()
  })

  it('touches the first topN alone and takes shorter lists', async () => {
    const reranker = await createStir({ model: await pairFile({ fusion: 0 }), topN: 3 })
    const { ranking } = await reranker.rerank(requestOf(picture(0, 0), images.slice(0, 3), 6))
    expect([...ranking.positions.subarray(0, 3)].sort()).toEqual([0, 1, 2])
    expect([...ranking.positions.subarray(3)]).toEqual([3, 4, 5])
    expect([...ranking.distances.subarray(3)]).toEqual([...Float32Array.of(0.4, 0.5, 0.6)])
    expect(ranking.distances[2]).toBeLessThanOrEqual(ranking.distances[3]!)
    expect((await reranker.rerank(requestOf(picture(0, 0), images.slice(0, 2)))).ranking.positions).toHaveLength(2)
    expect((await reranker.rerank(requestOf(picture(0, 0), []))).ranking.positions).toHaveLength(0)
    await reranker.dispose()
  })

  it('symmetric: a pair counts the same both ways', async () => {
    const model = await pairFile({ fusion: 0 })
    const distance = async (symmetric: boolean, a: ImageRequest, b: ImageRequest) => {
      const reranker = await createStir({ model, symmetric })
      const { ranking } = await reranker.rerank(requestOf(a, [b]))
      await reranker.dispose()
      return ranking.distances[0]!
    }
    const [there, back] = [await distance(false, images[0]!, images[1]!), await distance(false, images[1]!, images[0]!)]
    expect(there).not.toBe(back)
    expect(await distance(true, images[0]!, images[1]!)).toBeCloseTo((there + back) / 2, 6)
    expect(await distance(true, images[1]!, images[0]!)).toBeCloseTo((there + back) / 2, 6)
  })

  it('leaves candidates without a readable image in their places, and says so', async () => {
    const corrupt = join(folder, 'corrupt.png')
    await writeFile(corrupt, 'no picture')
    const reranker = await createStir({ model: await pairFile({}), topN: 5 })
    const given = [picture(1, 1), undefined, picture(2, 2), { source: corrupt }, picture(0, 3)]
    const { ranking, warnings } = await reranker.rerank(requestOf(picture(0, 0), given))
    expect([ranking.positions[1], ranking.positions[3]]).toEqual([1, 3])
    expect(ranking.positions[0]).toBe(4)
    expect(warnings.map(({ code }) => code).sort()).toEqual(['image/unsupported', 'reranker/no-candidate-image'])
    expect(warnings).toContainEqual(
      expect.objectContaining({ fields: expect.objectContaining({ position: 3, rank: 4 }) }),
    )
    await expect(reranker.rerank(requestOf({ source: join(folder, 'gone.png') }, given))).rejects.toMatchObject({
      code: 'image/not-found',
    })
    const { queryImage: _, ...without } = requestOf(picture(0, 0), given)
    await expect(reranker.rerank(without)).rejects.toMatchObject({ code: 'reranker/no-image' })
    await reranker.dispose()
  })

  it("keeps candidates' tokens on disk, and makes damaged ones again", async () => {
    const cacheFolder = join(folder, 'cache')
    const model = await pairFile({})
    const answer = async () => {
      const reranker = await createStir({ model, cacheFolder })
      const { ranking } = await reranker.rerank(requestOf(picture(0, 0), images))
      await reranker.dispose()
      return [...ranking.distances]
    }
    const first = await answer()
    const files = (await readdir(cacheFolder, { recursive: true, withFileTypes: true })).filter((entry) =>
      entry.isFile(),
    )
    // The query's are not kept.
    expect(files).toHaveLength(4)
    expect(await answer()).toEqual(first)
    for (const file of files) await writeFile(join(file.parentPath, file.name), 'torn')
    expect(await answer()).toEqual(first)
    await rm(join(folder, 'cache'), { recursive: true })
  })

  const galleryOf = (at: string, images: readonly { source: string; hash: string }[]) => ({
    name: at,
    codes: (reranker: string, key: string) => createFolderCodes(join(at, reranker, key)),
    async *images() {
      yield images
    },
  })

  it('keeps the tokens of a gallery in it, and reads them from there', async () => {
    const gallery = join(folder, 'gallery')
    const paths = await Promise.all(
      images.map(async ({ source }, i) => {
        const file = join(folder, `indexed-${i}.png`)
        await writeFile(file, await encodePng(source as RawImage))
        return file
      }),
    )
    const indexed = await Promise.all(paths.map(async (source) => ({ source, hash: await hashImage({ source }) })))
    const corrupt = { source: join(folder, 'none.png'), hash: '00' }
    const filesOf = async () =>
      (await readdir(gallery, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => join(parentPath, name))
    const reranker = await createStir({ model: await pairFile({}), topN: 4 })
    const request = requestOf(
      picture(0, 0),
      paths.map((source) => ({ source })),
    )
    const before = (await reranker.rerank(request)).ranking

    const warnings: string[] = []
    await reranker.index!(galleryOf(gallery, [...indexed, corrupt]), { onWarning: ({ code }) => warnings.push(code) })
    expect(warnings).toEqual(['image/not-found'])
    const files = await filesOf()
    expect(files).toHaveLength(4)
    const times = async () => Promise.all(files.map(async (file) => (await stat(file)).mtimeMs))
    const written = await times()
    await reranker.index!(galleryOf(gallery, indexed))
    expect(await times()).toEqual(written)

    const view = () => ({ embeddings: vectors, nearest: async () => [], codes: galleryOf(gallery, []).codes })
    await reranker.prepare!(view())
    expect((await reranker.rerank(request)).ranking).toEqual(before)
    // Another image's tokens under the first one's name: what is in the gallery is what counts.
    await copyFile(
      files.find((file) => file.includes(indexed[1]!.hash.slice(2, 34)))!,
      files.find((file) => file.includes(indexed[0]!.hash.slice(2, 34)))!,
    )
    await reranker.prepare!(view())
    const { ranking } = await reranker.rerank(request)
    const distanceOf = (position: number) => ranking.distances[ranking.positions.indexOf(position)]
    expect(distanceOf(0)).toBe(distanceOf(1))

    await reranker.index!(galleryOf(gallery, indexed.slice(2)))
    expect(await filesOf()).toHaveLength(2)
    await reranker.dispose()
    const without = await createStir({ model: await pairFile({}), cache: false })
    await without.index!(galleryOf(join(folder, 'other'), indexed))
    await expect(readdir(join(folder, 'other'))).rejects.toThrow()
    await without.dispose()
  })

  it('says that the gallery cannot be written to', async () => {
    const reranker = await createStir({ model: await pairFile({}) })
    const gallery = join(folder, 'full')
    await writeFile(gallery, 'a file, not a folder')
    await expect(reranker.index!(galleryOf(gallery, []))).rejects.toMatchObject({
      code: 'reranker/gallery-write',
      message: expect.stringContaining(gallery),
    })
    await reranker.dispose()
  })

  it('leaves recall at topN and more as it was, and answers nothing that was not among the first', async () => {
    const reranker = await createStir({ model: await pairFile({}), topN: 3 })
    const all = Array.from({ length: 8 }, (_, i) => picture(i % 4, 10 + i))
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 1 }),
        fc.integer({ min: 0, max: 3 }),
        async (order, label) => {
          const before = createRanking(
            Int32Array.from(order),
            Float32Array.from(order, (_, i) => 0.1 * i),
          )
          const { ranking } = await reranker.rerank({
            ...requestOf(
              picture(label, 5),
              order.slice(0, 3).map((i) => all[i]),
            ),
            ranking: before,
          })
          const found = ({ positions }: { positions: Int32Array }, k: number) =>
            positions.subarray(0, k).some((position) => position % 4 === label)
          for (let k = 3; k <= order.length; k++) expect(found(ranking, k)).toBe(found(before, k))
          expect(found(before, 3) || !found(ranking, 1)).toBe(true)
          expect([...ranking.positions.subarray(3)]).toEqual(order.slice(3))
          ranking.distances.forEach((distance, i) =>
            expect(distance).toBeGreaterThanOrEqual(ranking.distances[i - 1] ?? 0),
          )
        },
      ),
      { numRuns: 40 },
    )
    await reranker.dispose()
  })

  it('gives a pair the same score whatever else is in its batch', async () => {
    const model = await pairFile({ fusion: 0 })
    const all = Array.from({ length: 9 }, (_, i) => picture(i % 4, 20 + i))
    const scores = async (topN: number) => {
      const reranker = await createStir({ model, topN })
      const out = new Map<number, number>()
      for (let start = 0; start < all.length; start += topN) {
        const part = all.slice(start, start + topN)
        const { ranking } = await reranker.rerank(requestOf(picture(0, 0), part))
        ranking.positions.forEach((position, i) => out.set(start + position, ranking.distances[i]!))
      }
      await reranker.dispose()
      return all.map((_, i) => out.get(i)!)
    }
    const together = await scores(9)
    for (const size of [1, 4]) (await scores(size)).forEach((score, i) => expect(score).toBeCloseTo(together[i]!, 6))
  })

  it('names what is wrong with a model', async () => {
    await expect(createStir({ model: join(folder, 'none.onnx') })).rejects.toMatchObject({ code: 'onnx/file' })
    const file = join(folder, 'vit.onnx')
    await writeFile(file, await encoder.onnx!.bytes())
    await expect(createStir({ model: file })).rejects.toMatchObject({ code: 'pair/not-a-pair-model' })
    const model = await loadModel(await pairFile({}))
    const preprocessing = JSON.parse(model.metadata['lookalike.preprocessing']!) as object
    await saveModel(file, {
      ...model,
      metadata: {
        ...model.metadata,
        'lookalike.preprocessing': JSON.stringify({ ...preprocessing, crop: { width: 32, height: 32 } }),
      },
    })
    await expect(createStir({ model: file })).rejects.toMatchObject({
      code: 'pair/size',
      message: expect.stringContaining('16 x 16'),
    })
  })
})

describe('the trainer stir', () => {
  const lossesOf = async (name: string) =>
    (await readFile(join(folder, name, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .flatMap((line) => (JSON.parse(line) as { loss?: number }).loss ?? [])
  const dataset = stripesDataset(10, 6)
  const small = {
    pairs: 'batch',
    labels: 4,
    instances: 3,
    chunk: 8,
    checkpointEvery: 2,
    logEvery: 1,
    validation: 0.3,
    headEpochs: 1,
    epochs: 2,
  } as const
  const run = (
    name: string,
    options: Parameters<typeof createStirTrainer>[0],
    {
      augmentations = [],
      ...rest
    }: {
      augmentations?: readonly Augmentation[]
      signal?: AbortSignal
      resume?: boolean
      onProgress?: RunTrainerOptions['onProgress']
    } = {},
  ) =>
    runTrainer(createStirTrainer({ ...small, ...options }, { augmentations, threads }), {
      dataset,
      encoder,
      folder: join(folder, name),
      seed: 1,
      ...rest,
    })

  it('learns to tell pairs apart, and its model reranks', async () => {
    const result = await run('late', {
      epochs: 20,
      headEpochs: 5,
      headLearningRate: 5e-3,
      learningRate: 5e-3,
      dropout: 0,
      validation: 0,
      chunk: 24,
    })
    expect(result).toMatchObject({ artefact: 'pair.onnx', stopped: 'finished' })
    // Never replaced unasked.
    await expect(run('late', {})).rejects.toMatchObject({ code: 'train/run-exists' })
    const losses = await lossesOf('late')
    expect(losses[0]).toBeCloseTo(Math.log(2), 4)
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length
    // The encoder is untrained, so there is little to see: the pairs are learned by heart.
    expect(mean(losses.slice(-20))).toBeLessThan(mean(losses.slice(0, 20)) - 0.015)
    const reranker = await createStir({ model: join(folder, 'late/pair.onnx') })
    expect(
      (await reranker.rerank(requestOf(picture(0, 0), [picture(1, 1), picture(2, 2)]))).ranking.positions,
    ).toHaveLength(2)
    await reranker.dispose()
  })

  it.each([
    ['a late', {}, []],
    ['an augmented late', {}, [randomResizedCrop({ scale: [0.8, 1] })]],
    ["the paper's", { fusion: 0, epochs: 1 }, [randomResizedCrop({ scale: [0.8, 1] })]],
  ] as const)('cut off and resumed, %s run is the run that was not', async (name, options, augmentations) => {
    const { metrics, usedBy } = await run(`${name}-whole`, options, { augmentations })
    // How many results are worth reranking, and the curve that says so.
    const log = (await readFile(join(folder, `${name}-whole/log.jsonl`), 'utf8')).trim().split('\n')
    const { topN, curve } = log
      .map((line) => JSON.parse(line) as { event?: string; topN: number; curve: { topN: number; ceiling: number }[] })
      .find(({ event }) => event === 'proposal')!
    expect(metrics['proposed topN']).toBe(topN)
    expect(usedBy?.options).toEqual(topN > 1 ? { topN } : undefined)
    expect(curve[0]!.topN).toBe(1)
    const ceilings = curve.map(({ ceiling }) => ceiling)
    expect(ceilings).toEqual([...ceilings].sort((a, b) => a - b))
    const stop = new AbortController()
    let steps = 0
    const cut = await run(`${name}-cut`, options, {
      augmentations,
      signal: stop.signal,
      onProgress: ({ phase }) => void (phase === 'train' && ++steps === 4 && stop.abort()),
    })
    expect(cut.stopped).toBe('aborted')
    expect((await run(`${name}-cut`, options, { augmentations, resume: true })).stopped).toBe('finished')
    const [whole, resumed] = [
      await loadModel(join(folder, `${name}-whole/pair.onnx`)),
      await loadModel(join(folder, `${name}-cut/pair.onnx`)),
    ]
    for (const [weight, tensor] of whole.graph.initializers)
      expect(resumed.graph.initializers.get(weight)).toEqual(tensor)
  })

  it('takes tokens that were made before from the cache, and ends the same', async () => {
    const cacheFolder = join(folder, 'training-cache')
    const train = async (name: string) => {
      await runTrainer(createStirTrainer({ ...small, pairs: 'lists' }, { augmentations: [], threads, cacheFolder }), {
        dataset,
        encoder,
        folder: join(folder, name),
        seed: 1,
      })
      return (await loadModel(join(folder, name, 'pair.onnx'))).graph.initializers
    }
    const first = await train('cache-1')
    const files = (await readdir(join(cacheFolder, 'pair-tokens'), { recursive: true, withFileTypes: true })).filter(
      (entry) => entry.isFile(),
    )
    expect(files).toHaveLength(60)
    const times = async () =>
      Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).mtimeMs))
    const written = await times()
    expect(await train('cache-2')).toEqual(first)
    expect(await times()).toEqual(written)
  })

  it.each(['lists', 'batch'] as const)(
    '%s: tokens that are made once are those that are made at each step',
    async (pairs) => {
      const unchanged: Augmentation = { specVersion: 'v1', name: 'unchanged', apply: (image) => image }
      const weights = async (name: string, augmentations: readonly Augmentation[]) => {
        await run(name, { pairs, headEpochs: 0 }, { augmentations })
        return (await loadModel(join(folder, name, 'pair.onnx'))).graph.initializers
      }
      expect(await weights(`once-${pairs}`, [])).toEqual(await weights(`always-${pairs}`, [unchanged]))
    },
  )

  it('learns from the results of another encoder, and judges itself by them', async () => {
    const trained = async (name: string, search?: Encoder) => {
      const reference = search && { search: { use: 'onnx', model: 'another.onnx' } as const }
      const trainer = createStirTrainer(
        { ...small, ...reference, pairs: 'lists', headEpochs: 0, epochs: 1, topN: 4 },
        { augmentations: [], threads, search: search && (async () => search) },
      )
      const { metrics } = await runTrainer(trainer, { dataset, encoder, folder: join(folder, name), seed: 1 })
      return { metrics, pair: (await loadModel(join(folder, name, 'pair.onnx'))).graph.initializers }
    }
    const disposed = vi.fn(async () => {})
    const alone = await trained('search-none')
    // The encoder itself as what searches changes nothing.
    expect(await trained('search-itself', { ...encoder, dispose: disposed })).toEqual(alone)
    expect(disposed).toHaveBeenCalledOnce()
    const model = buildVit({ imageSize: 16, patchSize: 16, dim: 4, depth: 1, heads: 1, seed: 9 })
    const other = await createOnnxEncoder({ model: writeModel(model), name: 'coarse', threads: 1 })
    const { metrics } = await trained('search-other', other)
    expect(metrics['validation recall@1 before']).not.toBe(alone.metrics['validation recall@1 before'])
  })

  it('says when the encoder hardly errs on the training classes: there are no hard pairs', async () => {
    const warnings: Warning[] = []
    // All images of a class are one image.
    const items = dataset.items.map((item) => ({ ...item, source: stripes(Number(item.label.slice(6)), 0) }))
    const train = (pairs: 'batch' | 'lists') =>
      runTrainer(createStirTrainer({ ...small, pairs, epochs: 0 }, { augmentations: [], threads }), {
        dataset: { ...dataset, items },
        encoder,
        folder: join(folder, `known-${pairs}`),
        seed: 1,
        onWarning: (warning) => warnings.push(warning),
      })
    expect((await train('batch')).stopped).toBe('finished')
    expect(warnings).toContainEqual(
      expect.objectContaining({ code: 'pair/few-errors', fields: { images: 42, right: 42 } }),
    )
    await expect(train('lists')).rejects.toMatchObject({ code: 'pair/no-lists' })
  })

  it('takes the classes there are for batches of hard pairs, and needs none for search results', async () => {
    expect((await run('few-batch', { labels: 30, epochs: 1 })).stopped).toBe('finished')
    expect((await run('few-lists', { labels: 30, pairs: 'lists', epochs: 1 })).stopped).toBe('finished')
  })

  it('needs an encoder with a network', async () => {
    const { onnx: _, ...without } = encoder
    const request = { dataset, encoder: without, folder: join(folder, 'none'), seed: 1 }
    await expect(runTrainer(createStirTrainer({}, { augmentations: [] }), request)).rejects.toMatchObject({
      code: 'pair/no-network',
    })
  })
})
