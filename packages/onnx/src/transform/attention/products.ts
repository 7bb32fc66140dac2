import type { Probe } from '../../gradient/probe.js'
import type { Node } from '../../model/model.js'
import { float32, sizeOf, type TensorOf } from '../../model/tensor.js'

/** Tokens [..., inputs] times a weight [inputs, columns], plus a bias. */
export interface Product {
  readonly tokens: string
  readonly weight: TensorOf<'float32'>
  readonly bias: TensorOf<'float32'> | undefined
}

/** The product with constant weights that makes a tensor. */
export function productOf(
  tensor: string,
  made: ReadonlyMap<string, Node>,
  { shapes, values }: Probe,
): Product | undefined {
  const maker = (name: string | undefined, op: string) => {
    const node = made.get(name ?? '')
    return node?.op === op && node.domain === '' ? node : undefined
  }
  const gemm = maker(tensor, 'Gemm')
  if (gemm) return ofGemm(gemm, values)
  const sum = maker(tensor, 'Add')
  const biased = sum?.inputs.find((name) => values.has(name))
  const product = maker(biased === undefined ? tensor : sum!.inputs.find((name) => name !== biased), 'MatMul')
  const weight = values.get(product?.inputs[1] ?? '')
  if (!product || shapes.get(product.inputs[0]!)!.length < 2) return undefined
  return checked(product.inputs[0]!, weight, values.get(biased ?? ''))
}

function ofGemm({ inputs, attributes }: Node, values: Probe['values']): Product | undefined {
  const setting = (name: string, otherwise: number) => {
    const attribute = attributes[name]
    return attribute?.kind === 'int' || attribute?.kind === 'float' ? attribute.value : otherwise
  }
  const [tokens, weights, bias] = inputs as [string, string, string | undefined]
  const weight = values.get(weights)
  if (setting('transA', 0) !== 0 || setting('alpha', 1) !== 1 || setting('beta', 1) !== 1) return undefined
  if (bias && !values.has(bias)) return undefined
  return checked(tokens, setting('transB', 0) === 1 ? turned(weight) : weight, values.get(bias ?? ''))
}

type Value = Probe['values'] extends ReadonlyMap<string, infer T> ? T | undefined : never

function checked(tokens: string, weight: Value, bias: Value): Product | undefined {
  if (weight?.type !== 'float32' || weight.shape.length !== 2) return undefined
  if (!bias) return { tokens, weight, bias: undefined }
  const columns = weight.shape[1]!
  const fits = bias.type === 'float32' && sizeOf(bias.shape) === columns && bias.shape.at(-1) === columns
  return fits ? { tokens, weight, bias } : undefined
}

function turned(weight: Value): Value {
  if (weight?.type !== 'float32' || weight.shape.length !== 2) return undefined
  const [rows, columns] = weight.shape as [number, number]
  const data = new Float32Array(weight.data.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) data[column * rows + row] = weight.data[row * columns + column]!
  }
  return float32(data, [columns, rows])
}
