import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, createRandom, createRanking, type Encoder, unitRows } from '@lookalike/core'
import { buildConvNet, buildVit, createOnnxEncoder } from '@lookalike/encoders'
import { createFolderCodes } from '@lookalike/gallery'
import { hashImage } from '@lookalike/image'
import { writeModel } from '@lookalike/onnx'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stripes } from '../testing/stripes.js'
import { createLateScorer } from './create-late-scorer.js'
import { createTokenEncoder } from './encode-tokens.js'
import { createLateInteraction } from './late-interaction.js'
import { centreTokens, quantiseTokens, readTokens } from './late-tokens.js'

const DIM = 6
const random = createRandom('late')
const normal = (count: number) => Float32Array.from({ length: count * DIM }, () => random.normal())

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'late-'))
})
afterAll(() => rm(folder, { recursive: true }))
const vit = () =>
  createOnnxEncoder({
    model: writeModel(buildVit({ imageSize: 16, patchSize: 4, dim: 24, depth: 2, heads: 2, seed: 1 })),
    name: 'tiny',
    threads: 1,
  })

describe('tokens in int8', () => {
  it('come back within half a step of the largest value', () => {
    const tokens = normal(5)
    const back = new Float32Array(tokens.length)
    const code = quantiseTokens(tokens, DIM)
    readTokens(code, DIM, back)
    for (let i = 0; i < tokens.length; i++) {
      const from = i - (i % DIM)
      const largest = Math.max(...tokens.subarray(from, from + DIM).map(Math.abs))
      expect(Math.abs(back[i]! - tokens[i]!)).toBeLessThanOrEqual(largest / 254 + 1e-6)
    }
    expect(code.tokens.byteLength).toBe(tokens.length)
    const odd = quantiseTokens(Float32Array.of(1, -2, 3), 3)
    const three = new Float32Array(3)
    readTokens(odd, 3, three)
    expect(three[2]).toBe(3)
    readTokens(quantiseTokens(new Float32Array(DIM), DIM), DIM, back)
    expect([...back.subarray(0, DIM)]).toEqual(Array<number>(DIM).fill(0))
  })

  it('lose what all places of an image share', () => {
    const tokens = normal(4).map((value) => value + 10)
    centreTokens(tokens, DIM)
    for (let from = 0; from < tokens.length; from += DIM)
      expect(Math.hypot(...tokens.subarray(from, from + DIM))).toBeCloseTo(1, 5)
    const [plain, shifted] = [normal(4), new Float32Array(4 * DIM)]
    plain.forEach((value, i) => (shifted[i] = value + 3 * (i % DIM)))
    centreTokens(plain, DIM)
    centreTokens(shifted, DIM)
    shifted.forEach((value, i) => expect(value).toBeCloseTo(plain[i]!, 4))
  })
})

describe('the score', () => {
  it('is the mean of best cosines in both directions, as by hand', async () => {
    const tokens = [3, 3, 3].map((count) => unitRows(normal(count), DIM))
    const scorer = await createLateScorer(DIM, { threads: 1 })
    const codes = tokens.map((one) => quantiseTokens(one, DIM))
    const got = await scorer.score(codes[0]!, codes)
    await scorer.dispose()
    const cosine = (x: Float32Array, i: number, y: Float32Array, j: number) => {
      let sum = 0
      for (let d = 0; d < DIM; d++) sum += x[i * DIM + d]! * y[j * DIM + d]!
      return sum
    }
    const oneWay = (x: Float32Array, y: Float32Array) =>
      [0, 1, 2].reduce((sum, i) => sum + Math.max(...[0, 1, 2].map((j) => cosine(x, i, y, j))) / 3, 0)
    for (const [k, other] of tokens.entries())
      expect(Math.abs(got[k]! - (oneWay(tokens[0]!, other) + oneWay(other, tokens[0]!)) / 2)).toBeLessThan(0.01)
    expect(got[0]).toBeCloseTo(1, 2)
  })
})

describe('the tokens', () => {
  it("are a transformer's patches without its class token, or the places of a map", async () => {
    const ofVit = await createTokenEncoder(await vit(), { threads: 1 })
    expect([ofVit.count, ofVit.dim]).toEqual([16, 24])
    const conv = buildConvNet({ imageSize: 16, widths: [8, 12], depths: [1, 1], embeddingDim: 6 })
    const network = await createOnnxEncoder({ model: writeModel(conv), name: 'conv', threads: 1 })
    const ofMap = await createTokenEncoder(network, { threads: 1 })
    expect(ofMap.dim).toBe(12)
    const [code] = await ofMap.encode([{ source: stripes(1, 0) }])
    expect(code).toMatchObject({ embedding: { length: ofMap.count } })
    await ofVit.dispose()
    await ofMap.dispose()
    await expect(createTokenEncoder({ ...network, onnx: undefined } as unknown as Encoder, {})).rejects.toMatchObject({
      code: 'reranker/encoder',
    })
  })
})

describe('late interaction', () => {
  const images = Array.from({ length: 6 }, (_, i) => ({ source: stripes(i % 3, i) }))
  const embeddings = (rows: number) =>
    createEmbeddings({ data: new Float32Array(rows * 2).fill(1), rows, dim: 2, space: 's', role: 'any' })
  const ask = (weight: number) => ({
    ranking: createRanking(Int32Array.of(1, 2, 3, 4), Float32Array.of(0.1, 0.2, 0.3, 0.9)),
    query: embeddings(1),
    candidates: embeddings(3),
    queryImage: images[3]!,
    candidateImages: [images[1]!, images[2]!, images[3]!],
    weight,
  })

  it('puts the same picture first where its tokens count enough, and changes nothing where they do not', async () => {
    const order = async (weight: number) => {
      const reranker = await createLateInteraction({ encoder: await vit(), weight, topN: 3, threads: 1 })
      const { ranking } = await reranker.rerank(ask(weight))
      await reranker.dispose()
      return [...ranking.positions]
    }
    expect(await order(0)).toEqual([1, 2, 3, 4])
    expect(await order(20)).toEqual([3, expect.any(Number), expect.any(Number), 4])
  })

  it('keeps tokens in the gallery, a byte a value, and reads them there', async () => {
    const reranker = await createLateInteraction({ encoder: await vit(), weight: 20, topN: 3, threads: 1 })
    const hashed = await Promise.all(images.map(async (image) => ({ ...image, hash: await hashImage(image) })))
    const codes = (name: string, key: string) => createFolderCodes(path.join(folder, name, key))
    await reranker.index!({
      name: 'photos',
      codes,
      async *images() {
        yield hashed
      },
    })
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(files).toHaveLength(6)
    await reranker.prepare!({ codes, embeddings: embeddings(6), nearest: async () => [] })
    expect((await reranker.rerank(ask(20))).ranking.positions[0]).toBe(3)
    await reranker.dispose()
  })
})
