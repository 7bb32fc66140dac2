import { positiveAxis, type Rule, type RuleContext, range } from '../rule.js'

/** The node's axes, its gradient and its output with those axes kept. */
function reduced(c: RuleContext) {
  const shape = c.shape(c.node.inputs[0]!)
  const given = c.integers('axes') ?? (c.node.inputs[1] ? c.numbers(1) : [])
  const everything = given.length === 0 && c.integer('noop_with_empty_axes', 0) === 0
  const axes = everything ? range(shape.length) : given.map((axis) => positiveAxis(axis, shape.length))
  const kept = shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim))
  const keep = (value: string) => (c.outputShape.length === kept.length ? value : c.g.reshape(value, kept))
  return { shape, axes, dy: keep(c.dy), y: () => keep(c.node.outputs[0]!) }
}

/** A rule from the gradient of the sum's terms, which may still lack the reduced axes. */
function reduction(gradient: (c: RuleContext, parts: ReturnType<typeof reduced>, x: string) => string): Rule {
  return (c) => [gradient(c, reduced(c), c.node.inputs[0]!)]
}

/** Ties share the gradient. */
const extreme = reduction((c, { dy, y, axes }, x) => {
  const hits = c.g.cast(c.g.equal(x, y()), 'float32')
  return c.g.mul(hits, c.g.div(dy, c.g.reduceSum(hits, axes)))
})

export const reductionRules: Readonly<Record<string, Rule>> = {
  ReduceSum: reduction((c, { dy, shape }) => c.g.expand(dy, shape)),
  ReduceMean: reduction((c, { dy, shape, axes }) => {
    const count = axes.reduce((product, axis) => product * shape[axis]!, 1)
    return c.g.expand(c.g.mul(dy, c.g.floats(1 / count)), shape)
  }),
  ReduceSumSquare: reduction((c, { dy }, x) => c.g.mul(x, c.g.mul(dy, c.g.floats(2)))),
  ReduceL1: reduction((c, { dy }, x) => c.g.mul(c.g.sign(x), dy)),
  // A row of zeros gets the gradient zero.
  ReduceL2: reduction((c, { dy, y }, x) => c.g.mul(x, c.g.div(dy, c.g.max(y(), c.g.floats(1e-30))))),
  ReduceLogSum: reduction((c, { dy, y, shape }) => c.g.expand(c.g.mul(dy, c.g.exp(c.g.neg(y()))), shape)),
  ReduceLogSumExp: reduction((c, { dy, y }, x) => c.g.mul(c.g.exp(c.g.sub(x, y())), dy)),
  ReduceProd: reduction((c, { dy, y }, x) => c.g.div(c.g.mul(dy, y()), x)),
  ReduceMax: extreme,
  ReduceMin: extreme,
}
