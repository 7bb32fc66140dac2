import {
  checkLossBinding,
  checkLossInput,
  concat,
  type Loss,
  type LossInput,
  type LossOutput,
  type UnboundLoss,
} from '@lookalike/core'
import { checkLabels, checkValue, zeroOutput } from '../check-input.js'
import { inverseRowNorms, normaliseRows, normaliseRowsBackward } from '../kernels/row-norms.js'
import { loadProducts } from '../products/load-products.js'
import { matrix, type Products } from '../products/products.js'
import { centreRows } from './centred-rows.js'
import { distancesFromProducts } from './distances.js'
import type { Pairs } from './pairs.js'
import { pullRows } from './pull-rows.js'

export interface PairValue {
  readonly value: number
  /** d value / d `pairs.values`, of their shape; 0 where a row meets itself. */
  readonly gradient: Float32Array
  readonly logs?: Readonly<Record<string, number>> | undefined
}

export interface PairLossDefinition {
  readonly name: string
  /** What is measured between two embeddings; `squared` is the squared Euclidean distance. */
  readonly measure: 'cosine' | 'euclidean' | 'squared'
  /** Divide the embeddings by their norms before measuring distances; cosines always do. */
  readonly normalise?: boolean | undefined
  /** The loss and its gradient on the matrix of cosines or distances. Nothing when the batch holds no pair to learn from. */
  readonly kernel: (pairs: Pairs) => PairValue | undefined
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

/**
 * A loss on the cosines or distances between the embeddings of a batch. Distances, and all gradients, keep their digits when
 * embeddings nearly coincide: rows are centred first, and near pairs are subtracted rather than multiplied.
 */
export function createPairLoss(definition: PairLossDefinition): UnboundPairLoss {
  const { name } = definition
  return {
    async bind({ dim }) {
      checkLossBinding(name, { dim })
      const products = await loadProducts()
      const computeWith = async (given: LossInput, memory: PairMemory): Promise<LossOutput> => {
        const input = checkLossInput(name, given, { dim })
        const labels = checkLabels(name, input)
        if (input.rows === 0) return zeroOutput(input)
        const output = await step({ products, definition, input, labels, memory })
        checkValue(name, output.value, input.step)
        return output
      }
      return {
        specVersion: 'v1',
        name,
        input: 'labels',
        engine: products.name,
        parameters: [],
        compute: (input) => computeWith(input, NO_MEMORY),
        computeWith,
        dispose: () => {},
      }
    },
  }
}

interface Step {
  readonly products: Products
  readonly definition: PairLossDefinition
  readonly input: LossInput
  readonly labels: Int32Array
  readonly memory: PairMemory
}

async function step({ products, definition, input, labels, memory }: Step): Promise<LossOutput> {
  const { embeddings, rows, dim } = input
  const { measure } = definition
  const columnLabels = memory.labels.length === 0 ? labels : concat([labels, memory.labels])
  const columns = columnLabels.length
  const data = columns === rows ? embeddings : concat([embeddings, memory.embeddings])
  const unit = measure === 'cosine' || definition.normalise === true
  const factors = unit ? inverseRowNorms(data, columns, dim) : new Float64Array(columns).fill(1)
  const all = { data, factors, dim }
  const centred = centreRows(all, rows)

  const source = measure === 'cosine' ? normaliseRows(data, dim, factors) : centred.data
  const inner = await products.abt(matrix(source.subarray(0, rows * dim), rows, dim), matrix(source, columns, dim))
  const { values, near } =
    measure === 'cosine' ? { values: inner.data, near: [] } : distancesFromProducts(inner.data, centred, all, measure)
  const found = definition.kernel({ values, rows, columns, labels, columnLabels })
  if (!found) return zeroOutput(input)

  const pulls = matrix(pullsOf(found.gradient, values, rows, columns, measure), rows, columns)
  const gradient = await pullRows(pulls, centred, all, near, products)
  if (unit) normaliseRowsBackward(gradient, embeddings, dim, factors.subarray(0, rows), false)
  return { value: found.value, gradients: { embeddings: gradient, parameters: {} }, logs: found.logs ?? {} }
}

/**
 * The w with `gradient of row i = sum_j w_ij (r_j - r_i)`. A pair of two rows of the batch pulls both, a pair with the memory
 * one. For cosines this holds before the gradient goes back through the division by the norm, which removes all that is
 * parallel to r_i. Where two rows are equal the gradient of their distance is taken as 0.
 */
function pullsOf(
  gradient: Float32Array,
  values: Float32Array,
  rows: number,
  columns: number,
  measure: PairLossDefinition['measure'],
): Float32Array {
  const slope = (at: number): number => {
    if (measure === 'cosine') return gradient[at]!
    if (measure === 'squared') return -2 * gradient[at]!
    return values[at]! > 0 ? -gradient[at]! / values[at]! : 0
  }
  const pulls = new Float32Array(gradient.length)
  for (let row = 0; row < rows; row++) {
    const start = row * columns
    for (let column = rows; column < columns; column++) pulls[start + column] = slope(start + column)
    for (let column = 0; column < row; column++) {
      const mirrored = column * columns + row
      const both = slope(start + column) + slope(mirrored)
      pulls[start + column] = both
      pulls[mirrored] = both
    }
  }
  return pulls
}
