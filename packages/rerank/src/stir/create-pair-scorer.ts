import {
  type ImageLimits,
  type ImageRequest,
  type OperationOptions,
  type Preprocessing,
  type Warning,
} from '@lookalike/core'
import { loadBatches } from '@lookalike/image'
import {
  createSession,
  type Feeds,
  float32,
  type OnnxModel,
  type Session,
  type SessionOptions,
  type Tensor,
} from '@lookalike/onnx'
import type { ImageCode } from '../codes/image-code.js'
import { halfOf, imagePart, pairPart } from '../pair/pair-parts.js'
import { NAMES, type PairSpec } from '../pair/pair-spec.js'

/** A pair model in its two parts. */
export interface PairScorer {
  /** The codes of images, in order; a warning where an image cannot be read. */
  encode(requests: readonly ImageRequest[], options?: OperationOptions): Promise<(ImageCode | Warning)[]>
  /** The codes of images that are the network's input already, `[count, 3, height, width]`. */
  encodePixels(pixels: Float32Array, count: number): Promise<ImageCode[]>
  /** The probability of each pair that it shows different things, or its logit. */
  score(queries: readonly ImageCode[], candidates: readonly ImageCode[]): Promise<Float32Array>
  dispose(): Promise<void>
}

/** Pairs that go through the network at once; memory stays bounded with many candidates. Ours. */
const PAIRS_AT_ONCE = 64
/** Images of 224 x 224 pixels that are encoded at once; more of smaller ones. Ours. */
const IMAGES_AT_ONCE = 8

export interface PairScorerOptions extends SessionOptions {
  /** Default `different`. */
  readonly output?: typeof NAMES.different | typeof NAMES.logit | undefined
  /** How images are read. */
  readonly limits?: ImageLimits | undefined
}

export async function createPairScorer(
  model: OnnxModel,
  spec: PairSpec,
  preprocessing: Preprocessing,
  { output = NAMES.different, limits = {}, ...options }: PairScorerOptions = {},
): Promise<PairScorer> {
  const image = await createSession(imagePart(model, spec), options)
  const pair = await createSession(pairPart(model, spec, output), options)
  return {
    encode: (requests, operation = {}) =>
      encodeImages(image, requests, spec, preprocessing, { ...limits, ...operation }),
    encodePixels: (pixels, count) => encodePixels(image, pixels, count, spec),
    async score(queries, candidates) {
      const scores = new Float32Array(queries.length)
      for (let start = 0; start < queries.length; start += PAIRS_AT_ONCE) {
        const end = Math.min(queries.length, start + PAIRS_AT_ONCE)
        const result = await pair.run(pairFeeds(queries.slice(start, end), candidates.slice(start, end), spec))
        scores.set(result[output]!.data as Float32Array, start)
      }
      return scores
    },
    async dispose() {
      await image.dispose()
      await pair.dispose()
    },
  }
}

const imagesAtOnce = ({ width, height }: PairSpec) =>
  Math.max(1, Math.min(64, Math.round((IMAGES_AT_ONCE * 224 * 224) / (width * height))))

async function encodePixels(
  session: Session,
  pixels: Float32Array,
  count: number,
  spec: PairSpec,
): Promise<ImageCode[]> {
  const size = 3 * spec.height * spec.width
  const length = spec.tokens[0] * spec.tokens[1]
  const atOnce = imagesAtOnce(spec)
  const codes: ImageCode[] = []
  for (let start = 0; start < count; start += atOnce) {
    const rows = Math.min(atOnce, count - start)
    const result = await session.run({
      [NAMES.pixels]: float32(pixels.subarray(start * size, (start + rows) * size), [rows, 3, spec.height, spec.width]),
    })
    const tokens = bitsOf(result[halfOf(NAMES.tokens)]!)
    const embeddings = spec.stageOne ? (result[NAMES.embeddings]!.data as Float32Array) : new Float32Array()
    for (let row = 0; row < rows; row++) {
      codes.push({
        tokens: tokens.slice(row * length, (row + 1) * length),
        embedding: embeddings.slice(row * spec.embedding, (row + 1) * spec.embedding),
      })
    }
  }
  return codes
}

async function encodeImages(
  session: Session,
  requests: readonly ImageRequest[],
  spec: PairSpec,
  preprocessing: Preprocessing,
  { signal, onProgress, onWarning: _told, ...limits }: OperationOptions & ImageLimits,
): Promise<(ImageCode | Warning)[]> {
  const answers: (ImageCode | Warning)[] = []
  const batches = loadBatches(requests, preprocessing, {
    ...limits,
    batchSize: imagesAtOnce(spec),
    onCorrupt: 'skip',
    onWarning: (warning) => (answers[warning.fields['position'] as number] = warning),
    signal,
  })
  for await (const { batch, positions, release } of batches) {
    signal?.throwIfAborted()
    const codes = await encodePixels(session, batch.data, batch.count, spec)
    release()
    for (const [row, position] of positions.entries()) answers[position] = codes[row]!
    onProgress?.({ phase: 'encode for pairs', done: positions.at(-1)! + 1, total: requests.length, unit: 'image' })
  }
  return answers
}

/** Newer Nodes have an array type for half precision; here they are bits everywhere. */
function bitsOf({ data }: Tensor): Uint16Array {
  const { buffer, byteOffset, length } = data as Uint16Array
  return new Uint16Array(buffer, byteOffset, length)
}

/** What `pairPart` is fed with. */
export function pairFeeds(queries: readonly ImageCode[], candidates: readonly ImageCode[], spec: PairSpec): Feeds {
  const rows = queries.length
  const tokens = (codes: readonly ImageCode[]): Tensor => {
    const length = spec.tokens[0] * spec.tokens[1]
    const data = new Uint16Array(rows * length)
    for (const [row, code] of codes.entries()) data.set(code.tokens, row * length)
    return { type: 'float16', shape: [rows, ...spec.tokens], data }
  }
  const embeddings = (codes: readonly ImageCode[]): Tensor => {
    const data = new Float32Array(rows * spec.embedding)
    for (const [row, code] of codes.entries()) data.set(code.embedding, row * spec.embedding)
    return float32(data, [rows, spec.embedding])
  }
  return {
    [halfOf(NAMES.queryTokens)]: tokens(queries),
    [halfOf(NAMES.candidateTokens)]: tokens(candidates),
    ...(spec.stageOne && {
      [NAMES.queryEmbedding]: embeddings(queries),
      [NAMES.candidateEmbedding]: embeddings(candidates),
    }),
  }
}
