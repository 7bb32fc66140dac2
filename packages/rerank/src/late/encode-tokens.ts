import {
  type Encoder,
  type ImageLimits,
  type ImageRequest,
  LookalikeError,
  type OperationOptions,
  type Preprocessing,
  type Warning,
} from '@lookalike/core'
import { loadBatches } from '@lookalike/image'
import { createSession, extractModel, float32, readModel, type SessionOptions } from '@lookalike/onnx'
import type { ImageCode } from '../codes/image-code.js'
import { type ExaminedMap, type ExaminedVit, examineEncoder } from '../pair/examine-encoder.js'
import { centreTokens, quantiseTokens } from './late-tokens.js'

/** Makes images' local tokens, centred, at length 1 and in int8. */
export interface TokenEncoder {
  readonly dim: number
  /** Tokens of an image. */
  readonly count: number
  encode(requests: readonly ImageRequest[], options?: OperationOptions): Promise<(ImageCode | Warning)[]>
  dispose(): Promise<void>
}

/** Where the tokens are in what the network gives out. */
interface Layout {
  readonly tensor: string
  readonly count: number
  readonly dim: number
  /** Value of a token's channel in one image's output. */
  readonly at: (token: number, channel: number) => number
}

/**
 * @param grid of a network that ends in a feature map: the last map with at least so many rows and columns
 * @throws `reranker/encoder` for an encoder that is no network on pixels, `pair/encoder`, `pair/cut`
 */
export async function createTokenEncoder(
  encoder: Encoder,
  {
    grid,
    limits = {},
    ...options
  }: SessionOptions & { readonly grid?: number | undefined; readonly limits?: ImageLimits | undefined },
): Promise<TokenEncoder> {
  const { onnx, input } = encoder
  if (!onnx || input.kind !== 'pixels') {
    throw new LookalikeError('reranker/encoder', {
      problem: `The encoder "${encoder.name}" is no network that can be cut`,
      expected: 'an encoder that is an ONNX model of pixels',
    })
  }
  const { preprocessing } = input
  const { crop } = preprocessing
  const examined = await examineEncoder(readModel(await onnx.bytes()), onnx.output, crop, grid)
  const layout = layoutOf(examined)
  const session = await createSession(extractModel(examined.model, { outputs: [layout.tensor] }), options)
  const size = 3 * crop.width * crop.height
  return {
    dim: layout.dim,
    count: layout.count,
    async encode(requests, { signal, onProgress, onWarning: _told, ...operation } = {}) {
      const answers: (ImageCode | Warning)[] = []
      const batches = loadBatches(requests, preprocessing, {
        ...limits,
        ...operation,
        batchSize: encoder.batchSize,
        onCorrupt: 'skip',
        onWarning: (warning) => (answers[warning.fields['position'] as number] = warning),
        signal,
      })
      for await (const { batch, positions, release } of batches) {
        signal?.throwIfAborted()
        const pixels = batch.data.subarray(0, batch.count * size)
        const result = await session.run({ [onnx.input]: float32(pixels, shapeOf(batch.count, preprocessing)) })
        release()
        const values = result[layout.tensor]!.data as Float32Array
        const length = values.length / batch.count
        for (const [row, position] of positions.entries())
          answers[position] = codeOf(values.subarray(row * length, (row + 1) * length), layout)
        onProgress?.({
          phase: 'encode for reranking',
          done: positions.at(-1)! + 1,
          total: requests.length,
          unit: 'image',
        })
      }
      return answers
    },
    dispose: () => session.dispose(),
  }
}

/** A transformer's patches behind its last block, or a map's places. */
function layoutOf(examined: ExaminedVit | ExaminedMap): Layout {
  if (examined.kind === 'map') {
    const { tensor, channels, grid, layout } = examined
    const count = grid.rows * grid.columns
    const at = (token: number, channel: number) =>
      layout === 'nchw' ? channel * count + token : token * channels + channel
    return { tensor, count, dim: channels, at }
  }
  const { tensor, tokens } = examined.afterBlock.at(-1)!
  const prefix = examined.positions?.prefix ?? (examined.reads === 'class-token' ? 1 : 0)
  const { dim } = examined
  return { tensor, count: tokens - prefix, dim, at: (token, channel) => (token + prefix) * dim + channel }
}

function codeOf(values: Float32Array, { count, dim, at }: Layout): ImageCode {
  const tokens = new Float32Array(count * dim)
  for (let token = 0; token < count; token++)
    for (let channel = 0; channel < dim; channel++) tokens[token * dim + channel] = values[at(token, channel)]!
  centreTokens(tokens, dim)
  return quantiseTokens(tokens, dim)
}

function shapeOf(count: number, { layout, crop: { width, height } }: Preprocessing): readonly number[] {
  return layout === 'nchw' ? [count, 3, height, width] : [count, height, width, 3]
}
