import { connectModels, createGraphBuilder, float32, type OnnxModel } from '@lookalike/onnx'
import { TRANSFORM_OUTPUT, type Transform } from './transform.js'

export interface LossWeights {
  /** Of `1 - cos(T(x), q)`. */
  readonly similarity: number
  /** Of `KL(p(q) || p(T(x)))` between the two branches' class distributions. */
  readonly divergence: number
  /** Of the shared head's cross-entropy, on both branches. */
  readonly classification: number
  /** What the head multiplies cosines by. */
  readonly scale: number
}

export const TARGET_INPUT = 'target'
export const LABEL_INPUT = 'label'
export const SHARE_INPUT = 'share'
export const LOSS_OUTPUT = 'loss'
export const SIMILARITY_OUTPUT = 'similarity'
export const HEAD_WEIGHT = 'losses/head.proxies'

/**
 * A transform with its losses as one model. `target` are the query model's unit vectors, `label` the classes, `share` what each
 * row counts; `loss` and `similarity` (the mean cosine) are single numbers.
 *
 * @param proxies start of the shared head, row-major `[classes, outputDim]`; without it the similarity is the only term
 */
export function addLosses({ model, outputDim }: Transform, weights: LossWeights, proxies?: Float32Array): OnnxModel {
  const g = createGraphBuilder({ name: 'losses' })
  const t = g.input(TRANSFORM_OUTPUT, 'float32', ['N', outputDim])
  const q = g.input(TARGET_INPUT, 'float32', ['N', outputDim])
  const share = g.input(SHARE_INPUT, 'float32', ['N', 1])
  const total = (values: string) => g.reduceSum(g.mul(values, share), [0, 1], false)
  const cosine = g.reduceSum(g.mul(t, q), [1])
  const terms = [g.mul(g.sub(g.floats(1, [1, 1]), cosine), g.floats(weights.similarity))]
  if (proxies) {
    const classes = proxies.length / outputDim
    const label = g.input(LABEL_INPUT, 'int64', ['N'])
    const right = g.node('OneHot', [label, g.integers(classes), g.floats([0, 1])])
    const head = g.transpose(
      g.l2Normalise(g.initializer('head.proxies', float32(proxies, [classes, outputDim]))),
      [1, 0],
    )
    const logarithms = (branch: string) =>
      g.node('LogSoftmax', [g.mul(g.matMul(branch, head), g.floats(weights.scale))], { axis: -1 })
    const ofT = logarithms(t)
    const ofQ = logarithms(q)
    if (weights.divergence > 0)
      terms.push(g.mul(g.reduceSum(g.mul(g.exp(ofQ), g.sub(ofQ, ofT)), [1]), g.floats(weights.divergence)))
    if (weights.classification > 0)
      terms.push(g.mul(g.reduceSum(g.mul(right, g.add(ofT, ofQ)), [1]), g.floats(-weights.classification)))
  }
  g.output(total(terms.reduce((sum, term) => g.add(sum, term))), LOSS_OUTPUT)
  g.output(total(cosine), SIMILARITY_OUTPUT)
  return connectModels(model, g.build(), { feed: { [TRANSFORM_OUTPUT]: TRANSFORM_OUTPUT }, prefix: 'losses/' })
}
