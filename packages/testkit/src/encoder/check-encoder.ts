import { type Embeddings, type Encoder, type EncoderBatch } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { firstNotFinite, largestDifference, largestValue, short } from '../compare.js'
import { checkCommon, checkText, checkWhole } from '../contract.js'
import { createParts, type Parts } from '../parts.js'
import { checkAbort } from '../rejects.js'
import { checkPreprocessing } from './check-preprocessing.js'
import { sampleBatch, samplePicture } from './sample-batch.js'

export interface EncoderCheckOptions {
  /** How far a vector may move with the batch it is in, as a share of the largest value. Default: 1e-4; quantised models need more. */
  readonly tolerance?: number
  /** False for encoders that answer a repeated question differently (a remote service, say). */
  readonly deterministic?: boolean
  /** The same plugin with options that change its vectors; their space has to be another. */
  readonly variants?: readonly Create<Encoder>[]
}

interface Subject {
  readonly parts: Parts<Encoder>
  readonly options: Required<EncoderCheckOptions>
}

const PICTURES = Array.from({ length: 5 }, (_, i) => samplePicture(i))

const encodeSamples = async (encoder: Encoder, which: readonly number[] = PICTURES.map((_, i) => i)) =>
  encoder.encode(
    await sampleBatch(
      encoder,
      which.map((i) => PICTURES[i]!),
    ),
  )

const rowsOf = ({ data, dim }: Embeddings, row: number) => data.subarray(row * dim, (row + 1) * dim)

const copyOf = (batch: EncoderBatch): ArrayLike<number> =>
  batch.kind === 'pixels' ? batch.data.slice() : Uint8Array.from(batch.images.flatMap((image) => [...image]))

const checks: readonly Check<Subject>[] = [
  {
    id: 'encoder/contract',
    claim: 'says what it is: name, dim, space, batch size, input',
    async run({ parts }, report) {
      const encoder = await parts.shared()
      checkCommon(encoder, report)
      checkWhole(encoder.dim, 'dim', 1, report)
      checkWhole(encoder.batchSize, 'batchSize', 1, report)
      checkText(encoder.space, 'space', report)
      const { input } = encoder
      if (input?.kind === 'pixels') checkPreprocessing(input.preprocessing, report)
      else if (input?.kind !== 'bytes')
        report(`input is ${JSON.stringify(input)}; expected: pixels with a preprocessing, or bytes`)
    },
  },
  {
    id: 'encoder/shape',
    claim: 'gives one vector an image, in its space',
    async run({ parts }, report) {
      const encoder = await parts.shared()
      for (const which of [[0], [0, 1, 2]]) {
        const { data, rows, dim, space, role } = await encodeSamples(encoder, which)
        if (rows !== which.length) report(`${which.length} images gave ${rows} rows`)
        if (dim !== encoder.dim) report(`vectors have ${dim} values, and the encoder says dim ${encoder.dim}`)
        if (data.length !== which.length * encoder.dim)
          report(`${which.length} images gave ${data.length} values; expected: ${which.length} x ${encoder.dim}`)
        if (space !== encoder.space)
          report(`vectors are of the space "${space}", and the encoder of "${encoder.space}"`)
        if (role !== 'any') report(`vectors have the role "${String(role)}"; expected: "any"`)
      }
    },
  },
  {
    id: 'encoder/finite',
    claim: 'gives finite numbers, for one-coloured images too',
    async run({ parts }, report) {
      const encoder = await parts.shared()
      const plain = [0, 255].map((value) => ({ data: new Uint8Array(16 * 16 * 3).fill(value), width: 16, height: 16 }))
      const { data } = await encoder.encode(await sampleBatch(encoder, [...plain, PICTURES[0]!]))
      const at = firstNotFinite(data)
      if (at >= 0)
        report(
          `value ${at % encoder.dim} of ${['a black image', 'a white image', 'a picture'][Math.floor(at / encoder.dim)]} is ${data[at]}`,
        )
    },
  },
  {
    id: 'encoder/looks',
    claim: 'tells different images apart',
    async run({ parts }, report) {
      const vectors = await encodeSamples(await parts.shared(), [0, 1])
      if (largestDifference(rowsOf(vectors, 0), rowsOf(vectors, 1)) <= 1e-6 * largestValue(vectors.data))
        report('two different pictures gave the same vector')
    },
  },
  {
    id: 'encoder/batch-size',
    claim: 'gives an image the same vector in any batch and at any place in it',
    async run({ parts, options }, report) {
      const encoder = await parts.shared()
      const together = await encodeSamples(encoder)
      const limit = options.tolerance * largestValue(together.data)
      const order = [3, 0, 4, 1, 2]
      const turned = await encodeSamples(encoder, order)
      for (const [place, which] of order.entries()) {
        const difference = largestDifference(rowsOf(turned, place), rowsOf(together, which))
        if (!(difference <= limit))
          return report(
            `image ${which} moved by ${short(difference)} with its place in the batch; allowed: ${short(limit)}`,
          )
      }
      for (const which of [0, PICTURES.length - 1]) {
        const difference = largestDifference((await encodeSamples(encoder, [which])).data, rowsOf(together, which))
        if (!(difference <= limit))
          return report(
            `image ${which} alone differs by ${short(difference)} from the same image in a batch of ${PICTURES.length}; allowed: ${short(limit)}`,
          )
      }
    },
  },
  {
    id: 'encoder/deterministic',
    claim: 'gives the same vectors again',
    async run({ parts, options }, report) {
      if (!options.deterministic) return NOT_CLAIMED
      const encoder = await parts.shared()
      const difference = largestDifference((await encodeSamples(encoder)).data, (await encodeSamples(encoder)).data)
      if (difference !== 0) report(`the same batch gave vectors that differ by ${short(difference)}`)
    },
  },
  {
    id: 'encoder/space',
    claim: 'has the same space whenever it gives the same vectors, and only then',
    async run({ parts, options }, report) {
      const encoder = await parts.shared()
      const again = await parts.fresh()
      if (again.space !== encoder.space)
        report(`created twice, it has the spaces "${encoder.space}" and "${again.space}"`)
      const vectors = (await encodeSamples(encoder)).data
      const limit = options.tolerance * largestValue(vectors)
      const between = largestDifference(vectors, (await encodeSamples(again)).data)
      if (options.deterministic && again.space === encoder.space && !(between <= limit))
        report(`created twice with the same space, its vectors differ by ${short(between)}`)
      for (const create of options.variants) {
        const variant = await create()
        try {
          const difference = largestDifference(vectors, (await encodeSamples(variant)).data)
          if (variant.space === encoder.space && !(difference <= limit))
            report(
              `with other options its vectors differ by ${short(difference)}, and the space is "${encoder.space}" in both`,
            )
        } finally {
          await variant.dispose()
        }
      }
    },
  },
  {
    id: 'encoder/input',
    claim: 'leaves its input as it was',
    async run({ parts }, report) {
      const encoder = await parts.shared()
      const batch = await sampleBatch(encoder, PICTURES.slice(0, 2))
      const before = copyOf(batch)
      await encoder.encode(batch)
      if (largestDifference(before, copyOf(batch)) !== 0) report('the batch had other values afterwards')
    },
  },
  {
    id: 'encoder/output',
    claim: 'hands out vectors that later calls do not change',
    async run({ parts }, report) {
      const encoder = await parts.shared()
      const { data } = await encodeSamples(encoder, [0, 1])
      const before = data.slice()
      await encodeSamples(encoder, [2, 3])
      if (largestDifference(before, data) !== 0)
        report('the vectors of one call changed with the next; expected: a new array for every call')
    },
  },
  {
    id: 'encoder/abort',
    claim: 'stops when it is asked to',
    async run({ parts }, report) {
      const encoder = await parts.shared()
      const batch = await sampleBatch(encoder, PICTURES.slice(0, 1))
      await checkAbort((signal) => encoder.encode(batch, { signal }), report)
    },
  },
  {
    id: 'encoder/network',
    claim: 'hands out its network',
    async run({ parts }, report) {
      const { onnx } = await parts.shared()
      if (!onnx) return NOT_CLAIMED
      const bytes = await onnx.bytes()
      if (!(bytes instanceof Uint8Array) || bytes.length === 0) report('onnx.bytes() gave nothing')
      checkText(onnx.input, 'onnx.input', report)
      checkText(onnx.output, 'onnx.output', report)
    },
  },
  {
    id: 'encoder/dispose',
    claim: 'can be put away, twice too, without harm to others of its kind',
    async run({ parts }, report) {
      const [one, other] = [await parts.fresh(), await parts.fresh()]
      await encodeSamples(one, [0])
      await one.dispose()
      try {
        await one.dispose()
      } catch (error) {
        report(`a second dispose failed: ${String(error)}`)
      }
      try {
        await encodeSamples(other, [0])
      } catch (error) {
        report(`after one was put away, another could not encode: ${String(error)}`)
      }
    },
  },
]

export const encoderSuite: Suite<Encoder, EncoderCheckOptions, Subject> = {
  checks,
  open: (create, options) => ({
    parts: createParts(create, (encoder) => encoder.dispose()),
    options: { tolerance: 1e-4, deterministic: true, variants: [], ...options },
  }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks an encoder: shape, finite values, independence of the batch, determinism, space, abort, disposal.
 *
 * @example
 * const issues = await checkEncoder(() => createMyEncoder({ dim: 32 }))
 */
export const checkEncoder = (create: Create<Encoder>, options: EncoderCheckOptions = {}): Promise<readonly Issue[]> =>
  runSuite(encoderSuite, create, options)
