import {
  checkLossBinding,
  checkLossInput,
  checkLossTriples,
  createRandom,
  LookalikeError,
  type Loss,
  type LossBinding,
  type LossInput,
  type LossOutput,
  type Random,
  type UnboundLoss,
} from '@lookalike/core'
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core'
import { loadTensorflow, tensorflowBackend } from './backend/load-tensorflow.js'
import type { Tensorflow } from './backend/tensorflow.js'
import { valueAndGradients } from './backend/value-and-gradients.js'
import { checkLabels, checkValue, zeroOutput } from './check-input.js'

/** What a loss function gets. */
export interface TensorflowInput {
  /** `[rows, dim]`, as the encoder gave them. */
  readonly embeddings: Tensor2D
  /** `[rows]`, int32; empty for losses on triples. */
  readonly labels: Tensor1D
  /** `[triples, 3]`, int32: row numbers of the reference, the closer and the farther one; empty for losses on labels. */
  readonly triples: Tensor2D
  readonly parameters: Readonly<Record<string, Tensor>>
  /** The batch as plain arrays, with the step. */
  readonly batch: LossInput
}

/** A loss in TensorFlow.js: a tensor of one number, or that with numbers for the log. Must not wait for anything. */
export type TensorflowLoss = (
  tf: Tensorflow,
  input: TensorflowInput,
) => Tensor | { readonly value: Tensor; readonly logs?: Readonly<Record<string, number>> | undefined }

export interface TensorflowParameter {
  readonly shape: readonly number[]
  /** Start values. */
  readonly data: Float32Array
  readonly learningRateFactor?: number | undefined
  readonly decay?: boolean | undefined
}

export interface FromTensorflowOptions {
  readonly name: string
  readonly input?: 'labels' | 'triples' | undefined
  /** Trained arrays of the loss, by name. */
  readonly parameters?: (
    binding: LossBinding & { readonly random: Random },
  ) => Readonly<Record<string, TensorflowParameter>>
}

/**
 * Makes a loss from a function in TensorFlow.js; the gradients are derived.
 *
 * @example
 * const centre = fromTensorflow(
 *   (tf, { embeddings, labels, parameters }) => tf.mean(tf.squaredDifference(embeddings, tf.gather(parameters.centres!, labels))),
 *   {
 *     name: 'centre',
 *     parameters: ({ classes, dim }) => ({ centres: { shape: [classes, dim], data: new Float32Array(classes * dim) } }),
 *   },
 * )
 * @throws when computing: `loss/shape`, `loss/labels`, `loss/triples`, `loss/not-finite`, `loss/value` when the function does
 * not return one number.
 */
export function fromTensorflow(loss: TensorflowLoss, options: FromTensorflowOptions): UnboundLoss {
  const { name, input: kind = 'labels' } = options
  return {
    async bind(binding) {
      checkLossBinding(name, binding)
      const tf = await loadTensorflow()
      const random = createRandom(binding.seed).fork(`${name}/parameters`)
      const parameters = Object.entries(options.parameters?.({ ...binding, random }) ?? {})
      const arrays = Object.fromEntries(parameters.map(([key, { data }]) => [key, data]))

      const compute = async (given: LossInput): Promise<LossOutput> => {
        const checked = checkLossInput(name, given, binding)
        if (kind === 'triples') checkLossTriples(name, checked)
        const batch = kind === 'labels' ? { ...checked, labels: checkLabels(name, checked, binding.classes) } : checked
        if (batch.rows === 0 || (kind === 'triples' && batch.triples?.length === 0)) return zeroOutput(batch, arrays)
        const output = differentiate(tf, name, loss, batch, parameters)
        checkValue(name, output.value, batch.step)
        return output
      }

      return {
        specVersion: 'v1',
        name,
        input: kind,
        engine: `tensorflow ${tensorflowBackend()}`,
        parameters: parameters.map(([key, { shape, data, learningRateFactor = 1, decay = true }]) => ({
          name: key,
          shape,
          data,
          learningRateFactor,
          decay,
        })),
        compute,
        dispose: () => {},
      } satisfies Loss
    },
  }
}

function differentiate(
  tf: Tensorflow,
  name: string,
  loss: TensorflowLoss,
  batch: LossInput,
  parameters: readonly (readonly [string, TensorflowParameter])[],
): LossOutput {
  let logs: Readonly<Record<string, number>> = {}
  const inputs = [
    { data: batch.embeddings, shape: [batch.rows, batch.dim] },
    ...parameters.map(([, { data, shape }]) => ({ data, shape })),
  ]
  const { value, gradients } = valueAndGradients(tf, inputs, ([embeddings, ...rest]) => {
    const result = loss(tf, {
      embeddings: embeddings as Tensor2D,
      labels: tf.tensor1d(batch.labels ?? new Int32Array(0), 'int32'),
      triples: tf.tensor2d(tripleRows(batch), [batch.triples?.length ?? 0, 3], 'int32'),
      parameters: Object.fromEntries(parameters.map(([key], i) => [key, rest[i]!])),
      batch,
    })
    const scalar = 'value' in result ? result.value : result
    if ('value' in result) logs = result.logs ?? {}
    if (!(scalar instanceof tf.Tensor) || scalar.size !== 1) throw notScalar(name, scalar)
    return tf.reshape(scalar, [])
  })
  const [embeddings, ...rest] = gradients
  return {
    value,
    gradients: {
      embeddings: embeddings!,
      parameters: Object.fromEntries(parameters.map(([key], i) => [key, rest[i]!])),
    },
    logs,
  }
}

function tripleRows(batch: LossInput): Int32Array {
  const triples = batch.triples ?? []
  return Int32Array.from(
    triples.flatMap(({ reference, a, b, target }) => (target < 0.5 ? [reference, a, b] : [reference, b, a])),
  )
}

function notScalar(name: string, given: unknown): LookalikeError {
  const shape = (given as Partial<Tensor> | undefined)?.shape
  return new LookalikeError('loss/value', {
    problem: `${name} returned ${shape ? `a tensor of shape [${shape.join(', ')}]` : typeof given}`,
    expected: 'a scalar tensor, or { value, logs } with one',
    fix: 'Take the mean over the batch.',
  })
}
