import { type Rule, type RuleContext, reduceTo } from '../rule.js'

/** A rule for y = f(x) from f'(x). */
function pointwise(derivative: (c: RuleContext, x: string, y: string) => string): Rule {
  return (c) => [c.g.mul(c.dy, derivative(c, c.node.inputs[0]!, c.node.outputs[0]!))]
}

/** 1 where x > 0, else 0; exact, since 2^100 times the smallest normal number of interest is above 1. */
function step(c: RuleContext, x: string): string {
  return c.g.node('HardSigmoid', [x], { alpha: 2 ** 100, beta: 0 })
}

/** `scale * x + offset` cut to [0, 1], in one pass. */
function ramp(c: RuleContext, x: string, scale: number, offset: number): string {
  return c.g.node('HardSigmoid', [x], { alpha: scale, beta: offset })
}

/** 1 where low < x < high, else 0. A power of two as slope keeps the bounds exact. */
function insideOf(c: RuleContext, x: string, low: number, high: number): string {
  return c.g.mul(ramp(c, x, 2 ** 60, -low * 2 ** 60), ramp(c, x, -(2 ** 60), high * 2 ** 60))
}

const clip: Rule = (c) => {
  const inside = c.g.equal(c.node.inputs[0]!, c.node.outputs[0]!)
  return [c.g.where(inside, c.dy, c.g.floats(0))]
}

/** `negative` where x < 0, else 1. */
function twoSlopes(c: RuleContext, x: string, negative: string): string {
  return c.g.where(c.g.less(x, c.g.floats(0)), negative, c.g.floats(1))
}

const prelu: Rule = (c) => {
  const { g } = c
  const [x, slope] = c.node.inputs as [string, string]
  const negative = g.less(x, g.floats(0))
  return [
    c.wants(0) ? g.where(negative, g.mul(c.dy, slope), c.dy) : undefined,
    c.wants(1) ? reduceTo(g, g.where(negative, g.mul(c.dy, x), g.floats(0)), c.outputShape, c.shape(slope)) : undefined,
  ]
}

/** Phi(x) + x phi(x), with Phi and phi of the normal distribution. */
function geluDerivative(c: RuleContext, x: string): string {
  const { g } = c
  const cumulative = ramp(c, g.erf(g.mul(x, g.floats(Math.SQRT1_2))), 0.5, 0.5)
  const bell = g.exp(g.mul(x, g.mul(x, g.floats(-0.5))))
  return g.add(cumulative, g.mul(g.mul(x, g.floats(1 / Math.sqrt(2 * Math.PI))), bell))
}

/** Of x/2 (1 + tanh u), u = sqrt(2/pi) (x + 0.044715 x^3). */
function tanhGeluDerivative(c: RuleContext, x: string): string {
  const { g } = c
  const k = Math.sqrt(2 / Math.PI)
  const square = g.mul(x, x)
  const u = g.mul(x, g.add(g.mul(square, g.floats(0.044715 * k)), g.floats(k)))
  const t = g.tanh(u)
  const slope = g.mul(x, g.add(g.mul(square, g.floats(3 * 0.044715 * k)), g.floats(k)))
  const curve = g.mul(g.sub(g.floats(1), g.mul(t, t)), slope)
  return g.mul(g.add(g.add(t, g.floats(1)), curve), g.floats(0.5))
}

/** Of x sigmoid(alpha x). */
function swishDerivative(c: RuleContext, x: string, alpha: number): string {
  const { g } = c
  const s = g.sigmoid(alpha === 1 ? x : g.mul(x, g.floats(alpha)))
  const y = g.mul(x, s)
  const ay = alpha === 1 ? y : g.mul(y, g.floats(alpha))
  return g.add(s, g.sub(ay, g.mul(ay, s)))
}

export const activationRules: Readonly<Record<string, Rule>> = {
  Neg: (c) => [c.g.neg(c.dy)],
  Abs: pointwise((c, x) => c.g.sign(x)),
  Sqrt: (c) => [c.g.div(c.g.mul(c.dy, c.g.floats(0.5)), c.node.outputs[0]!)],
  Exp: pointwise((_, __, y) => y),
  Log: (c) => [c.g.div(c.dy, c.node.inputs[0]!)],
  Reciprocal: pointwise((c, _, y) => c.g.neg(c.g.mul(y, y))),
  Sin: pointwise((c, x) => c.g.node('Cos', [x])),
  Cos: pointwise((c, x) => c.g.neg(c.g.node('Sin', [x]))),
  Erf: pointwise((c, x) => c.g.mul(c.g.exp(c.g.neg(c.g.mul(x, x))), c.g.floats(2 / Math.sqrt(Math.PI)))),
  Tanh: pointwise((c, _, y) => c.g.sub(c.g.floats(1), c.g.mul(y, y))),
  Sigmoid: pointwise((c, _, y) => c.g.sub(y, c.g.mul(y, y))),
  HardSigmoid: (c) => {
    const alpha = c.float('alpha', 0.2)
    const y = c.node.outputs[0]!
    return [c.g.mul(c.g.mul(c.dy, c.g.floats(alpha)), insideOf(c, y, 0, 1))]
  },
  HardSwish: pointwise((c, x) => {
    // 0 up to -3, x / 3 + 1/2 between, 1 from 3.
    const between = c.g.mul(insideOf(c, x, -3, 3), c.g.add(c.g.mul(x, c.g.floats(1 / 3)), c.g.floats(0.5)))
    return c.g.add(between, ramp(c, x, 2 ** 60, -3 * 2 ** 60))
  }),
  Relu: pointwise((c, _, y) => step(c, y)),
  LeakyRelu: pointwise((c, x) => twoSlopes(c, x, c.g.floats(c.float('alpha', 0.01)))),
  Elu: pointwise((c, x, y) => twoSlopes(c, x, c.g.add(y, c.g.floats(c.float('alpha', 1))))),
  Selu: (c) => {
    const gamma = c.float('gamma', 1.0507009873554805)
    const alpha = c.float('alpha', 1.6732632423543772)
    const { g } = c
    const [x, y] = [c.node.inputs[0]!, c.node.outputs[0]!]
    return [g.mul(c.dy, g.where(g.less(x, g.floats(0)), g.add(y, g.floats(gamma * alpha)), g.floats(gamma)))]
  },
  PRelu: prelu,
  Softplus: pointwise((c, x) => c.g.sigmoid(x)),
  Clip: clip,
  Gelu: pointwise((c, x) =>
    c.text('approximate', 'none') === 'tanh' ? tanhGeluDerivative(c, x) : geluDerivative(c, x),
  ),
  FastGelu: (c) => {
    if (c.node.inputs[1]) throw c.unsupported('FastGelu with a bias')
    return [c.g.mul(c.dy, tanhGeluDerivative(c, c.node.inputs[0]!))]
  },
  QuickGelu: pointwise((c, x) => swishDerivative(c, x, c.float('alpha', 1.702))),
}
