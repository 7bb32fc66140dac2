import {
  checkLossBinding,
  checkLossInput,
  createRandom,
  LookalikeError,
  type Loss,
  type LossInput,
  type LossOutput,
  type UnboundLoss,
} from '@lookalike/core'
import { checkLabels, checkValue, zeroOutput } from '../check-input.js'
import { inverseRowNorms, normaliseRows, normaliseRowsBackward } from '../kernels/row-norms.js'
import { loadProducts } from '../products/load-products.js'
import { matrix, type Products } from '../products/products.js'
import type { Regulariser } from '../regularise/regulariser.js'
import type { ProxyKernel, SimilarityBlock } from './proxy-kernel.js'

export interface ProxyLossDefinition {
  readonly name: string
  /** The arithmetic of one step. */
  readonly kernel: (labels: Int32Array, classes: number) => ProxyKernel
  /** Proxies of class c are the rows `c * proxiesPerClass` and following. */
  readonly proxiesPerClass?: number | undefined
  /** Multiplies the trainer's learning rate for the proxies. */
  readonly learningRateFactor: number
  readonly regularisers?: readonly Regulariser[] | undefined
  readonly products?: Products | undefined
  /** Cosines held at a time, which bounds the memory for any number of classes; 4,194,304 (16 MiB) unless given. */
  readonly blockValues?: number | undefined
}

const BLOCK_VALUES = 4_194_304

/**
 * A loss on the cosines between embeddings and trained proxies: value and gradients from three matrix products and one
 * pass of the kernel over the cosines. Start values of the proxies are drawn from N(0, 2 / C), as in Proxy Anchor's code.
 */
export function createProxyLoss(definition: ProxyLossDefinition): UnboundLoss {
  const { name, proxiesPerClass = 1, regularisers = [] } = definition
  return {
    async bind({ dim, classes, seed }) {
      checkLossBinding(name, { dim })
      if (!Number.isInteger(classes) || classes < 1) {
        throw new LookalikeError(
          'loss/classes',
          {
            problem: `${name} was bound to ${classes} classes`,
            expected: 'at least one',
            fix: 'Use a data set with labels.',
          },
          { fields: { classes, loss: name } },
        )
      }
      const products = definition.products ?? (await loadProducts())
      const count = classes * proxiesPerClass
      const random = createRandom(seed).fork(`${name}/proxies`)
      const deviation = Math.sqrt(2 / classes)
      const proxies = Float32Array.from({ length: count * dim }, () => random.normal() * deviation)

      const compute = async (given: LossInput): Promise<LossOutput> => {
        const input = checkLossInput(name, given, { dim })
        const labels = checkLabels(name, input, classes)
        if (input.rows === 0) return zeroOutput(input, { proxies })
        const output = await step({ input, labels, classes, proxies, count, products, definition })
        let value = output.value
        const logs: Record<string, number> = { ...output.logs }
        if (regularisers.length > 0) logs[name] = value
        for (const regularise of regularisers) {
          const { step, totalSteps } = input
          const term = await regularise({ proxies, rows: count, dim, step, totalSteps, products })
          value += term.value
          for (let i = 0; i < proxies.length; i++) output.proxies[i]! += term.gradient[i]!
          Object.assign(logs, term.logs)
        }
        checkValue(name, value, input.step)
        return { value, gradients: { embeddings: output.embeddings, parameters: { proxies: output.proxies } }, logs }
      }

      return {
        specVersion: 'v1',
        name,
        input: 'labels',
        engine: products.name,
        parameters: [
          {
            name: 'proxies',
            shape: [count, dim],
            data: proxies,
            learningRateFactor: definition.learningRateFactor,
            decay: true,
          },
        ],
        compute,
        dispose: () => {},
      } satisfies Loss
    },
  }
}

interface Step {
  readonly input: LossInput
  readonly labels: Int32Array
  readonly classes: number
  readonly proxies: Float32Array
  readonly count: number
  readonly products: Products
  readonly definition: ProxyLossDefinition
}

async function step({ input, labels, classes, proxies, count, products, definition }: Step) {
  const { embeddings, rows, dim } = input
  const inverseE = inverseRowNorms(embeddings, rows, dim)
  const inverseP = inverseRowNorms(proxies, count, dim)
  const unitE = matrix(normaliseRows(embeddings, dim, inverseE), rows, dim)
  const kernel = definition.kernel(labels, classes)

  // The proxies' norms scale the columns of the cosines, so no normalised copy of the proxies is made.
  const cosines = async (first: number, n: number): Promise<SimilarityBlock> => {
    const product = await products.abt(unitE, matrix(proxies.subarray(first * dim, (first + n) * dim), n, dim))
    scaleColumns(product.data, inverseP.subarray(first, first + n))
    return { s: product.data, rows, first, count: n }
  }

  const perClass = definition.proxiesPerClass ?? 1
  const size = Math.max(1, Math.floor((definition.blockValues ?? BLOCK_VALUES) / (rows * perClass))) * perClass
  let held: SimilarityBlock | undefined
  if (kernel.scan) {
    for (let first = 0; first < count; first += size) {
      held = await cosines(first, Math.min(size, count - first))
      kernel.scan(held)
    }
  }

  const gradE = new Float32Array(rows * dim)
  // With a single block, the product is the gradient and nothing is copied.
  const gradP = size < count ? new Float32Array(count * dim) : undefined
  let onlyP: Float32Array | undefined
  for (let first = 0; first < count; first += size) {
    const n = Math.min(size, count - first)
    const block = held && held.first === first && held.count === n ? held : await cosines(first, n)
    kernel.gradient(block)
    scaleColumns(block.s, inverseP.subarray(first, first + n))
    const g = matrix(block.s, rows, n)
    const part = proxies.subarray(first * dim, (first + n) * dim)
    const toE = await products.ab(g, matrix(part, n, dim))
    for (let i = 0; i < gradE.length; i++) gradE[i]! += toE.data[i]!
    const toP = (await products.atb(g, unitE)).data
    normaliseRowsBackward(toP, part, dim, inverseP.subarray(first, first + n), true)
    if (gradP) gradP.set(toP, first * dim)
    else onlyP = toP
  }
  normaliseRowsBackward(gradE, embeddings, dim, inverseE, false)
  return { ...kernel.result(), embeddings: gradE, proxies: (gradP ?? onlyP)! }
}

function scaleColumns(data: Float32Array, scale: Float64Array): void {
  const count = scale.length
  for (let row = 0; row < data.length; row += count) {
    for (let column = 0; column < count; column++) data[row + column]! *= scale[column]!
  }
}
