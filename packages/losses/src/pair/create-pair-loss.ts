import type { Loss, LossInput, LossOutput, UnboundLoss } from '@lookalike/core'
import type { Scalar, Tensor2D } from '@tensorflow/tfjs-core'
import { loadTensorflow, type Tensorflow, tensorflowBackend } from '../backend/load-tensorflow.js'
import { valueAndGradients } from '../backend/value-and-gradients.js'
import { checkInput, checkLabels, checkValue, zeroOutput } from '../check-input.js'
import { inverseRowNorms, normaliseRows, normaliseRowsBackward } from '../kernels/row-norms.js'
import { loadProducts } from '../products/load-products.js'
import { matrix, type Products } from '../products/products.js'
import { distancesBackward, distancesFromProducts } from './distances.js'
import { type Pairs, pairMasks } from './pairs.js'

export interface PairValue {
  readonly value: Scalar
  readonly logs?: Readonly<Record<string, number>>
}

export interface PairLossDefinition {
  readonly name: string
  /** What is measured between two embeddings; `squared` is the squared Euclidean distance. */
  readonly measure: 'cosine' | 'euclidean' | 'squared'
  /** Divide the embeddings by their norms before measuring distances; cosines always do. */
  readonly normalise?: boolean
  /**
   * The loss in TensorFlow.js as a function of the matrix of cosines or distances; `pairs` has the same numbers for
   * mining. Nothing when the batch holds no pair to learn from. Called inside `tf.tidy`.
   */
  readonly value: (tf: Tensorflow, values: Tensor2D, pairs: Pairs) => PairValue | undefined
}

/** Embeddings of past batches with their labels; constants for the gradient. */
export interface PairMemory {
  /** Row-major `[labels.length, dim]`. */
  readonly embeddings: Float32Array
  readonly labels: Int32Array
}

/** A loss on pairs of a batch, which can also compare the batch with a memory. */
export interface PairLoss extends Loss {
  computeWith(input: LossInput, memory: PairMemory): Promise<LossOutput>
}

export interface UnboundPairLoss extends UnboundLoss {
  bind(binding: Parameters<UnboundLoss['bind']>[0]): Promise<PairLoss>
}

const NO_MEMORY: PairMemory = { embeddings: new Float32Array(0), labels: new Int32Array(0) }

/** A loss on the cosines or distances between the embeddings of a batch. */
export function createPairLoss(definition: PairLossDefinition): UnboundPairLoss {
  const { name } = definition
  return {
    async bind({ dim }) {
      const [tf, products] = await Promise.all([loadTensorflow(), loadProducts()])
      const computeWith = async (input: LossInput, memory: PairMemory): Promise<LossOutput> => {
        checkInput(name, input, { dim })
        const labels = checkLabels(name, input)
        if (input.rows === 0) return zeroOutput(input)
        const output = await step({ tf, products, definition, input, labels, memory })
        checkValue(name, output.value, input.step)
        return output
      }
      return {
        specVersion: 'v1',
        name,
        input: 'labels',
        engine:
          products.name === 'tensorflow'
            ? `tensorflow ${tensorflowBackend()}`
            : `${products.name}, tensorflow ${tensorflowBackend()}`,
        parameters: [],
        compute: (input) => computeWith(input, NO_MEMORY),
        computeWith,
        dispose: () => {},
      }
    },
  }
}

interface Step {
  readonly tf: Tensorflow
  readonly products: Products
  readonly definition: PairLossDefinition
  readonly input: LossInput
  readonly labels: Int32Array
  readonly memory: PairMemory
}

async function step({ tf, products, definition, input, labels, memory }: Step): Promise<LossOutput> {
  const { embeddings, rows, dim } = input
  const { measure } = definition
  const unit = measure === 'cosine' || definition.normalise === true
  const inverse = inverseRowNorms(embeddings, rows, dim)
  const anchors = matrix(unit ? normaliseRows(embeddings, dim, inverse) : embeddings, rows, dim)
  const columns = rows + memory.labels.length
  const remembered = unit
    ? normaliseRows(memory.embeddings, dim, inverseRowNorms(memory.embeddings, memory.labels.length, dim))
    : memory.embeddings
  const references = matrix(columns === rows ? anchors.data : concat(anchors.data, remembered), columns, dim)

  const values = (await products.abt(anchors, references)).data
  if (measure !== 'cosine') distancesFromProducts(values, anchors, references, measure)
  const pairs: Pairs = { values, rows, columns, ...pairMasks(labels, concatLabels(labels, memory.labels)) }

  const found = differentiate(tf, definition, pairs)
  if (!found) return zeroOutput(input)
  const { gradient } = found
  const g = matrix(gradient, rows, columns)
  const own = matrix(columns === rows ? gradient : firstColumns(gradient, rows, columns), rows, rows)
  const factors = measure === 'cosine' ? undefined : distancesBackward(g, own, values, measure)
  const total = (await products.ab(g, references)).data
  const back = (await products.atb(own, anchors)).data
  for (let i = 0; i < total.length; i++) {
    const sum = total[i]! + back[i]!
    // Of a distance: sum_j h_ij (a_i - r_j), where the factors hold sum_j h_ij.
    total[i] = factors ? factors[Math.floor(i / dim)]! * anchors.data[i]! - sum : sum
  }
  if (unit) normaliseRowsBackward(total, embeddings, dim, inverse, false)
  return { value: found.value, gradients: { embeddings: total, parameters: {} }, logs: found.logs }
}

function differentiate(tf: Tensorflow, { value }: PairLossDefinition, pairs: Pairs) {
  let logs: Readonly<Record<string, number>> = {}
  let empty = false
  const result = valueAndGradients(tf, [{ data: pairs.values, shape: [pairs.rows, pairs.columns] }], ([x]) => {
    const found = value(tf, x as Tensor2D, pairs)
    logs = found?.logs ?? {}
    empty = !found
    return found?.value ?? tf.scalar(0)
  })
  return empty ? undefined : { value: result.value, gradient: result.gradients[0]!, logs }
}

function concat(a: Float32Array, b: Float32Array): Float32Array {
  const result = new Float32Array(a.length + b.length)
  result.set(a)
  result.set(b, a.length)
  return result
}

function concatLabels(a: Int32Array, b: Int32Array): Int32Array {
  if (b.length === 0) return a
  const result = new Int32Array(a.length + b.length)
  result.set(a)
  result.set(b, a.length)
  return result
}

function firstColumns(data: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * rows)
  for (let row = 0; row < rows; row++) result.set(data.subarray(row * columns, row * columns + rows), row * rows)
  return result
}
