import { toNumbers } from '../../model/tensor.js'
import { type Rule, type RuleContext, reduceTo } from '../rule.js'

/** The gradient of the nth input, given one in the output's shape. */
function broadcast(c: RuleContext, input: number, gradient: () => string): string | undefined {
  return c.wants(input) ? reduceTo(c.g, gradient(), c.outputShape, c.shape(c.node.inputs[input]!)) : undefined
}

const add: Rule = (c) => c.node.inputs.map((_, i) => broadcast(c, i, () => c.dy))

const sub: Rule = (c) => {
  const db = broadcast(c, 1, () => c.dy)
  return [broadcast(c, 0, () => c.dy), db && c.g.neg(db)]
}

const mul: Rule = (c) => {
  const [a, b] = c.node.inputs as [string, string]
  return [broadcast(c, 0, () => c.g.mul(c.dy, b)), broadcast(c, 1, () => c.g.mul(c.dy, a))]
}

const div: Rule = (c) => {
  const [, b] = c.node.inputs as [string, string]
  const quotient = c.g.div(c.dy, b)
  const db = broadcast(c, 1, () => c.g.mul(quotient, c.node.outputs[0]!))
  return [broadcast(c, 0, () => quotient), db && c.g.neg(db)]
}

const pow: Rule = (c) => {
  const { g } = c
  const [x, exponent] = c.node.inputs as [string, string]
  const known = c.constant(1)
  const power = known?.data.length === 1 ? toNumbers(known)[0] : undefined
  const base = () => {
    if (power === 2) return g.mul(c.dy, g.mul(x, g.floats(2)))
    if (power !== undefined) return g.mul(c.dy, g.mul(g.pow(x, g.floats(power - 1)), g.floats(power)))
    return g.mul(c.dy, g.mul(g.pow(x, g.sub(exponent, g.floats(1))), exponent))
  }
  return [broadcast(c, 0, base), broadcast(c, 1, () => g.mul(c.dy, g.mul(c.node.outputs[0]!, g.log(x))))]
}

/** Where several inputs are the largest (or smallest), the first of them gets the gradient. */
const extreme: Rule = (c) => {
  const { g } = c
  let rest = c.dy
  return c.node.inputs.map((input, i) => {
    if (i === c.node.inputs.length - 1) return broadcast(c, i, () => rest)
    const wins = g.equal(input, c.node.outputs[0]!)
    const gradient = broadcast(c, i, () => g.where(wins, rest, g.floats(0)))
    rest = g.where(wins, g.floats(0), rest)
    return gradient
  })
}

const mean: Rule = (c) => {
  const share = c.g.mul(c.dy, c.g.floats(1 / c.node.inputs.length))
  return c.node.inputs.map((_, i) => broadcast(c, i, () => share))
}

const where: Rule = (c) => {
  const { g } = c
  const condition = c.node.inputs[0]!
  return [
    undefined,
    broadcast(c, 1, () => g.where(condition, c.dy, g.floats(0))),
    broadcast(c, 2, () => g.where(condition, g.floats(0), c.dy)),
  ]
}

export const arithmeticRules: Readonly<Record<string, Rule>> = {
  Add: add,
  Sum: add,
  Sub: sub,
  Mul: mul,
  Div: div,
  Pow: pow,
  Max: extreme,
  Min: extreme,
  Mean: mean,
  Where: where,
}
