import { createRandom } from '@lookalike/core'
import { createOptimizer } from '@lookalike/train'

/** One regressor a member: `logistic` hidden units, one linear output. */
export interface Mlp {
  readonly inputDim: number
  readonly hidden: number
  readonly members: number
  /** Divides the inputs: standard deviations of the fitted rows, so that inputs are of unit size (ours). */
  readonly scale: Float32Array
  /** `[members, hidden, inputDim]`, `[members, hidden]`, `[members, hidden]`, `[members]`. */
  readonly inner: Float32Array
  readonly innerBias: Float32Array
  readonly outer: Float32Array
  readonly outerBias: Float32Array
}

export interface MlpOptions {
  /** Paper: 16. */
  readonly hidden: number
  /** Paper: 1e-3 (Adam). */
  readonly learningRate: number
  /** Paper: 1e-4, as half its square beside half the mean squared error, averaged over a batch as scikit-learn's regressor does. */
  readonly l2: number
  /** Ours: 200, scikit-learn's limit. */
  readonly epochs: number
  /** Ours: 200 at most, as scikit-learn's. */
  readonly batchSize: number
  readonly seed: number | string
}

export const MLP_OPTIONS: Omit<MlpOptions, 'seed'> = {
  hidden: 16,
  learningRate: 1e-3,
  l2: 1e-4,
  epochs: 200,
  batchSize: 200,
}

/**
 * From features of references to acc_k(r) (Liao & Chen, KDD 2024, arXiv 2401.07951). Deterministic.
 *
 * @param inputs `[rows, inputDim]`
 * @param accuracies `[rows, members]`
 */
export function fitMlp(
  inputs: Float32Array,
  inputDim: number,
  accuracies: Float32Array,
  members: number,
  options: MlpOptions,
): Mlp {
  const rows = inputs.length / inputDim
  const { hidden } = options
  const scale = deviations(inputs, inputDim)
  const random = createRandom(`${options.seed}/mlp`)
  const uniform = (length: number, fanIn: number, fanOut: number) => {
    const bound = Math.sqrt(2 / (fanIn + fanOut))
    return Float32Array.from({ length }, () => (2 * random.next() - 1) * bound)
  }
  const mlp: Mlp = {
    inputDim,
    hidden,
    members,
    scale,
    inner: uniform(members * hidden * inputDim, inputDim, hidden),
    innerBias: new Float32Array(members * hidden),
    outer: uniform(members * hidden, hidden, 1),
    outerBias: Float32Array.from({ length: members }, (_, k) => meanOf(accuracies, members, k)),
  }
  const named = { inner: mlp.inner, innerBias: mlp.innerBias, outer: mlp.outer, outerBias: mlp.outerBias }
  const optimizer = createOptimizer(
    Object.entries(named).map(([name, data]) => ({ name, shape: [data.length], data })),
    { learningRate: options.learningRate, weightDecay: 0 },
  )
  const size = Math.min(options.batchSize, rows)
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const order = random.permutation(rows)
    for (let from = 0; from < rows; from += size) {
      optimizer.step(gradientsOf(mlp, inputs, accuracies, order.subarray(from, from + size), options.l2))
    }
  }
  return mlp
}

/** Predicted accuracies, `[rows, members]`. */
export function predictMlp(mlp: Mlp, inputs: Float32Array): Float32Array {
  const rows = inputs.length / mlp.inputDim
  const predicted = new Float32Array(rows * mlp.members)
  const activations = new Float32Array(mlp.hidden)
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < mlp.members; k++)
      predicted[row * mlp.members + k] = predictOne(mlp, inputs, row, k, activations)
  return predicted
}

function predictOne(
  { inputDim, hidden, scale, inner, innerBias, outer, outerBias }: Mlp,
  inputs: Float32Array,
  row: number,
  k: number,
  activations: Float32Array,
): number {
  let output = outerBias[k]!
  for (let h = 0; h < hidden; h++) {
    const unit = k * hidden + h
    let sum = innerBias[unit]!
    for (let i = 0; i < inputDim; i++) sum += (inner[unit * inputDim + i]! * inputs[row * inputDim + i]!) / scale[i]!
    activations[h] = 1 / (1 + Math.exp(-sum))
    output += outer[unit]! * activations[h]!
  }
  return output
}

function gradientsOf(
  mlp: Mlp,
  inputs: Float32Array,
  accuracies: Float32Array,
  rows: Int32Array,
  l2: number,
): Map<string, Float32Array> {
  const { inputDim, hidden, members, scale, inner, outer } = mlp
  const byInner = inner.map((value) => (l2 / rows.length) * value)
  const byOuter = outer.map((value) => (l2 / rows.length) * value)
  const byInnerBias = new Float32Array(mlp.innerBias.length)
  const byOuterBias = new Float32Array(members)
  const activations = new Float32Array(hidden)
  for (const row of rows) {
    for (let k = 0; k < members; k++) {
      const error = (predictOne(mlp, inputs, row, k, activations) - accuracies[row * members + k]!) / rows.length
      byOuterBias[k]! += error
      for (let h = 0; h < hidden; h++) {
        const unit = k * hidden + h
        const active = activations[h]!
        byOuter[unit]! += error * active
        const byUnit = error * outer[unit]! * active * (1 - active)
        byInnerBias[unit]! += byUnit
        for (let i = 0; i < inputDim; i++)
          byInner[unit * inputDim + i]! += (byUnit * inputs[row * inputDim + i]!) / scale[i]!
      }
    }
  }
  return new Map([
    ['inner', byInner],
    ['innerBias', byInnerBias],
    ['outer', byOuter],
    ['outerBias', byOuterBias],
  ])
}

function meanOf(values: Float32Array, width: number, column: number): number {
  let sum = 0
  for (let i = column; i < values.length; i += width) sum += values[i]!
  return sum / (values.length / width)
}

function deviations(data: Float32Array, dim: number): Float32Array {
  const rows = data.length / dim
  return Float32Array.from({ length: dim }, (_, i) => {
    const mean = meanOf(data, dim, i)
    let sum = 0
    for (let at = i; at < data.length; at += dim) sum += (data[at]! - mean) ** 2
    return Math.sqrt(sum / rows) || 1
  })
}
