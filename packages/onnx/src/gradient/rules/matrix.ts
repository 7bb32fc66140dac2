import type { GraphBuilder } from '../../builder/create-graph-builder.js'
import { sizeOf } from '../../model/tensor.js'
import { type Rule, range, reduceTo } from '../rule.js'

/** The last two axes exchanged. Before a product the runtime mostly fuses it on the processor, and then reads the operand transposed. */
export function turned(g: GraphBuilder, x: string, rank: number): string {
  return g.transpose(x, [...range(rank - 2), rank - 1, rank - 2])
}

function scaled(g: GraphBuilder, x: string, factor: number): string {
  return factor === 1 ? x : g.mul(x, g.floats(factor))
}

const matMul: Rule = (c) => {
  const { g, dy } = c
  const [a, b] = c.node.inputs as [string, string]
  const [aShape, bShape] = [c.shape(a), c.shape(b)]
  const alpha = c.float('alpha', 1)
  const [transA, transB] = [c.integer('transA', 0) === 1, c.integer('transB', 0) === 1]
  if (c.integer('transBatchA', 0) || c.integer('transBatchB', 0))
    throw c.unsupported('FusedMatMul over transposed batches')
  if (aShape.length === 1 || bShape.length === 1) return vectorProduct(c)
  const rows = c.outputShape.at(-2)!
  const columns = c.outputShape.at(-1)!
  if (bShape.length === 2 && !transA) {
    // One matrix for all rows: the batch is only more rows.
    const inner = aShape.at(-1)!
    const flat = (x: string, width: number, rank: number) => (rank === 2 ? x : g.reshape(x, [-1, width]))
    const da = () => scaled(g, g.matMul(dy, transB ? b : turned(g, b, 2)), alpha)
    const db = () => {
      const [x, d] = [flat(a, inner, aShape.length), flat(dy, columns, c.outputShape.length)]
      return transB
        ? g.gemm(d, x, undefined, { transA: true, alpha })
        : g.gemm(x, d, undefined, { transA: true, alpha })
    }
    return [c.wants(0) ? da() : undefined, c.wants(1) ? db() : undefined]
  }
  const batch = c.outputShape.slice(0, -2)
  const inner = transA ? aShape.at(-2)! : aShape.at(-1)!
  const [aRank, bRank, rank] = [aShape.length, bShape.length, c.outputShape.length]
  const turnedIf = (condition: boolean, x: string, width: number) => (condition ? turned(g, x, width) : x)
  const da = () => {
    const full = transA
      ? g.matMul(turnedIf(transB, b, bRank), turned(g, dy, rank))
      : g.matMul(dy, turnedIf(!transB, b, bRank))
    return reduceTo(g, scaled(g, full, alpha), [...batch, ...(transA ? [inner, rows] : [rows, inner])], aShape)
  }
  const db = () => {
    const full = transB
      ? g.matMul(turned(g, dy, rank), turnedIf(transA, a, aRank))
      : g.matMul(turnedIf(!transA, a, aRank), dy)
    return reduceTo(g, scaled(g, full, alpha), [...batch, ...(transB ? [columns, inner] : [inner, columns])], bShape)
  }
  return [c.wants(0) ? da() : undefined, c.wants(1) ? db() : undefined]
}

/** Products with a vector: written as products with a matrix of one row or column. */
const vectorProduct: Rule = (c) => {
  const { g } = c
  const [a, b] = c.node.inputs as [string, string]
  const [aShape, bShape] = [c.shape(a), c.shape(b)]
  const aMatrix = aShape.length === 1 ? [1, aShape[0]!] : aShape
  const bMatrix = bShape.length === 1 ? [bShape[0]!, 1] : bShape
  const lead = (aMatrix.length > bMatrix.length ? aMatrix : bMatrix).slice(0, -2)
  const full = [...lead, aMatrix.at(-2)!, bMatrix.at(-1)!]
  const d = g.reshape(c.dy, full)
  const [x, y] = [aShape.length === 1 ? g.reshape(a, aMatrix) : a, bShape.length === 1 ? g.reshape(b, bMatrix) : b]
  const da = () => reduceTo(g, g.matMul(d, turned(g, y, bMatrix.length)), [...lead, ...aMatrix.slice(-2)], aMatrix)
  const db = () => reduceTo(g, g.matMul(turned(g, x, aMatrix.length), d), [...lead, ...bMatrix.slice(-2)], bMatrix)
  return [c.wants(0) ? g.reshape(da(), aShape) : undefined, c.wants(1) ? g.reshape(db(), bShape) : undefined]
}

const gemm: Rule = (c) => {
  const { g, dy } = c
  const [a, b, bias] = c.node.inputs as [string, string, string?]
  const [alpha, beta] = [c.float('alpha', 1), c.float('beta', 1)]
  const [transA, transB] = [c.integer('transA', 0) === 1, c.integer('transB', 0) === 1]
  const da = () =>
    transA
      ? g.gemm(b, dy, undefined, { alpha, transA: transB, transB: true })
      : g.gemm(dy, b, undefined, { alpha, transB: !transB })
  const db = () =>
    transB
      ? g.gemm(dy, a, undefined, { alpha, transA: true, transB: transA })
      : g.gemm(a, dy, undefined, { alpha, transA: !transA })
  const dc = () => scaled(g, reduceTo(g, dy, c.outputShape, c.shape(bias!)), beta)
  return [c.wants(0) ? da() : undefined, c.wants(1) ? db() : undefined, bias && c.wants(2) ? dc() : undefined]
}

export const matrixRules: Readonly<Record<string, Rule>> = { MatMul: matMul, FusedMatMul: matMul, Gemm: gemm }

/** The sum of each column of a matrix that is given with any leading shape. */
export function columnSums(g: GraphBuilder, x: string, shape: readonly number[]): string {
  const width = shape.at(-1)!
  return g.reshape(g.reduceSum(sizeOf(shape) === width ? x : g.reshape(x, [-1, width]), [0], false), [width])
}
