import {
  checkOptions,
  createEmbeddings,
  type Encoder,
  type EncoderBatch,
  LookalikeError,
  type Preprocessing,
  SPEC_VERSION,
} from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'
import { float32, type OnnxModel, type Session, writeModel } from '@lookalike/onnx'
import { platform } from '#platform'
import { type CompleteNetwork, completeNetwork, type Reading } from './complete-network.js'
import { type Opening, openNetwork } from './open-network.js'
import { spaceOf } from './space-of.js'

/** How a network is run. */
export interface Running extends Opening {
  /** Images that go through the model at once. Default: 8 at 224 x 224 pixels, more of smaller ones, at most 64 (ours). */
  readonly batchSize?: number | undefined
}

/**
 * An encoder from an ONNX model as data.
 *
 * `encode` may be called again before an earlier call is done; the calls then take turns. `dispose` waits for them.
 *
 * @throws `config/invalid` naming each key of the preprocessing that is missing or does not fit, and what {@link completeNetwork} throws.
 */
export async function createNetworkEncoder(
  name: string,
  model: OnnxModel,
  given: Preprocessing,
  options: Reading & Running = {},
): Promise<Encoder> {
  const preprocessing = checkOptions('preprocessing', preprocessingSchema, given)
  const network = await completeNetwork(model, options, preprocessing, name, options.onWarning)
  const space = await spaceOf(name, network.model, preprocessing)
  const { session, batch } = await openNetwork(name, network, space, options)
  return wrap(name, network, session, preprocessing, space, batch, options.batchSize ?? usualBatch(preprocessing))
}

function wrap(
  name: string,
  { model, input, output, dim }: CompleteNetwork,
  session: Session,
  preprocessing: Preprocessing,
  space: string,
  batch: number | undefined,
  batchSize: number,
): Encoder {
  const { width, height } = preprocessing.crop
  const length = 3 * width * height
  // A model exported for a fixed number of images gets just so many; the last piece is filled up.
  const atOnce = batch ?? batchSize
  const running = new Set<Promise<unknown>>()
  let disposed = false

  const encode = async (data: Float32Array, count: number, signal: AbortSignal | undefined) => {
    const vectors = new Float32Array(count * dim)
    for (let from = 0; from < count; from += atOnce) {
      // The runtime computes on this thread: without a pause nothing else, an abort included, would have its turn.
      if (from > 0) await platform.breathe()
      signal?.throwIfAborted()
      const images = Math.min(atOnce, count - from)
      const pixels = piece(data.subarray(from * length, (from + images) * length), (batch ?? images) * length)
      const shape = [batch ?? images, ...(input.shape.slice(1) as number[])]
      const result = await session.run({ [input.name]: float32(pixels, shape) })
      vectors.set((result[output]!.data as Float32Array).subarray(0, images * dim), from * dim)
    }
    return createEmbeddings({ data: vectors, rows: count, dim, space, role: 'any' })
  }
  return {
    specVersion: SPEC_VERSION,
    name,
    dim,
    space,
    batchSize: atOnce,
    input: { kind: 'pixels', preprocessing },
    onnx: { bytes: async () => writeModel(model), input: input.name, output },
    encode(batch, { signal } = {}) {
      const fault = disposed ? disposedError(name) : batchError(name, batch, preprocessing)
      if (fault) return Promise.reject(fault)
      const { data, count } = batch as Extract<EncoderBatch, { kind: 'pixels' }>
      const work = encode(data, count, signal)
      running.add(work)
      const done = () => running.delete(work)
      work.then(done, done)
      return work
    },
    async dispose() {
      if (disposed) return
      disposed = true
      await Promise.allSettled(running)
      await session.dispose()
    },
  }
}

const usualBatch = ({ crop }: Preprocessing) =>
  Math.max(1, Math.min(64, Math.round((8 * 224 * 224) / (crop.width * crop.height))))

function piece(data: Float32Array, size: number): Float32Array {
  if (data.length === size) return data
  const filled = new Float32Array(size)
  filled.set(data)
  return filled
}

const disposedError = (name: string) =>
  new LookalikeError(
    'encoder/disposed',
    { problem: `The encoder ${name} was disposed`, fix: 'Create a new one.' },
    { fields: { name } },
  )

function batchError(
  name: string,
  batch: EncoderBatch,
  { crop: { width, height } }: Preprocessing,
): LookalikeError | undefined {
  const length = 3 * width * height
  if (batch.kind === 'pixels' && batch.data.length === batch.count * length) return undefined
  const given = batch.kind === 'pixels' ? `${batch.data.length} values for ${batch.count} images` : 'image files'
  return new LookalikeError(
    'encoder/batch',
    { problem: `${name} got ${given}`, expected: `pixels of ${width} x ${height} images, ${length} values each` },
    { fields: { name } },
  )
}
