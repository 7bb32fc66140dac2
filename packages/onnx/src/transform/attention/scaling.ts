import type { Probe } from '../../gradient/probe.js'
import type { Node } from '../../model/model.js'

export interface Scaling {
  readonly input: string
  readonly factor: number
}

/** What a product with one constant number, or a quotient by one, scales and by how much. */
export function scaling(
  { op, domain, inputs, outputs }: Node,
  { shapes, values }: Pick<Probe, 'shapes' | 'values'>,
): Scaling | undefined {
  if (domain !== '' || (op !== 'Mul' && op !== 'Div') || values.has(outputs[0]!)) return undefined
  const [a, b] = inputs as [string, string]
  const [input, constant] = values.has(b) ? [a, values.get(b)] : op === 'Mul' ? [b, values.get(a)] : []
  // The product of a vector and a tensor of one value with more dimensions has another shape than the vector.
  if (
    constant?.type !== 'float32' ||
    constant.data.length !== 1 ||
    shapes.get(input!)?.length !== shapes.get(outputs[0]!)?.length
  )
    return undefined
  const value = constant.data[0]!
  return { input: input!, factor: op === 'Mul' ? value : 1 / value }
}
