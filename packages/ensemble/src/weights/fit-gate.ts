import { createRandom } from '@lookalike/core'
import { createOptimizer } from '@lookalike/train'

/** Weights of the members as a softmax of a linear map of the reference's features (ours). */
export interface Gate {
  readonly inputDim: number
  readonly members: number
  /** Divides the inputs, so that they are of unit size. */
  readonly scale: Float32Array
  /** `[members, inputDim]`, `[members]`. */
  readonly weight: Float32Array
  readonly bias: Float32Array
}

/** Triples that a gate learns from. */
export interface GateTriples {
  /** Row of each triple's reference in the inputs. */
  readonly rows: Int32Array
  /** `cos(e_k(R), e_k(A)) - cos(e_k(R), e_k(B))` of each, `[triples, members]`. */
  readonly gaps: Float32Array
  /** 1 where B is the closer one, or the share of votes for it. */
  readonly targets: Float32Array
}

/** Of the logistic loss, as `triple-cosine` has it. */
const TEMPERATURE = 0.1
const EPOCHS = 150
const LEARNING_RATE = 2e-2
/** Penalties on the weights that are tried: the strongest leaves hardly more than fixed weights. */
const PENALTIES = [1e-3, 1e-2, 1e-1, 1]
/** Every so many references choose the penalty. */
const FOLD = 4

/**
 * A gate trained end to end: the logistic loss of the combined difference `sum_k w_k(R) gap_k`, where the paper's regressors look at each
 * member's accuracy alone. The penalty is chosen on every fourth reference, then all are learned from. Deterministic.
 *
 * @param inputs features of the references, `[references, inputDim]`
 */
export function fitGate(
  inputs: Float32Array,
  inputDim: number,
  triples: GateTriples,
  members: number,
  seed: number | string,
): Gate {
  const order = createRandom(seed)
    .fork('gate')
    .permutation(inputs.length / inputDim)
  const held = new Set(order.filter((_, at) => at % FOLD === 0))
  const at = (wanted: boolean) => pick(triples, members, (row) => held.has(row) === wanted)
  const [choosing, learning] = [at(true), at(false)]
  let best = { penalty: PENALTIES.at(-1)!, loss: Infinity }
  for (const penalty of PENALTIES) {
    const loss = lossOf(learn(inputs, inputDim, learning, members, penalty), inputs, choosing)
    if (loss < best.loss) best = { penalty, loss }
  }
  return learn(inputs, inputDim, triples, members, best.penalty)
}

/** Weights of the members, `[rows, members]`; each row sums to 1. */
export function predictGate({ inputDim, members, scale, weight, bias }: Gate, inputs: Float32Array): Float32Array {
  const rows = inputs.length / inputDim
  const out = new Float32Array(rows * members)
  for (let row = 0; row < rows; row++) {
    const own = out.subarray(row * members, (row + 1) * members)
    for (let k = 0; k < members; k++) {
      let sum = bias[k]!
      for (let i = 0; i < inputDim; i++) sum += (weight[k * inputDim + i]! * inputs[row * inputDim + i]!) / scale[i]!
      own[k] = sum
    }
    const most = Math.max(...own)
    let total = 0
    for (let k = 0; k < members; k++) total += own[k] = Math.exp(own[k]! - most)
    for (let k = 0; k < members; k++) own[k]! /= total
  }
  return out
}

function learn(
  inputs: Float32Array,
  inputDim: number,
  { rows, gaps, targets }: GateTriples,
  members: number,
  penalty: number,
): Gate {
  const gate: Gate = {
    inputDim,
    members,
    scale: deviations(inputs, inputDim),
    weight: new Float32Array(members * inputDim),
    bias: new Float32Array(members),
  }
  const optimizer = createOptimizer(
    (['weight', 'bias'] as const).map((name) => ({ name, shape: [gate[name].length], data: gate[name] })),
    { learningRate: LEARNING_RATE, weightDecay: 0 },
  )
  const count = targets.length
  for (let epoch = 0; count > 0 && epoch < EPOCHS; epoch++) {
    const weights = predictGate(gate, inputs)
    const byLogit = new Float32Array(weights.length)
    for (let t = 0; t < count; t++) {
      const own = rows[t]! * members
      let combined = 0
      for (let k = 0; k < members; k++) combined += weights[own + k]! * gaps[t * members + k]!
      // B is closer where the combined difference is below 0.
      const error = (1 / (1 + Math.exp(combined / TEMPERATURE)) - targets[t]!) / count
      for (let k = 0; k < members; k++)
        byLogit[own + k]! -= (error / TEMPERATURE) * weights[own + k]! * (gaps[t * members + k]! - combined)
    }
    const byWeight = gate.weight.map((value) => (penalty * value) / inputDim)
    const byBias = new Float32Array(members)
    for (let at = 0; at < byLogit.length; at++) {
      if (byLogit[at] === 0) continue
      const [row, k] = [Math.floor(at / members), at % members]
      byBias[k]! += byLogit[at]!
      for (let i = 0; i < inputDim; i++)
        byWeight[k * inputDim + i]! += (byLogit[at]! * inputs[row * inputDim + i]!) / gate.scale[i]!
    }
    optimizer.step(
      new Map([
        ['weight', byWeight],
        ['bias', byBias],
      ]),
    )
  }
  return gate
}

function lossOf(gate: Gate, inputs: Float32Array, { rows, gaps, targets }: GateTriples): number {
  const { members } = gate
  const weights = predictGate(gate, inputs)
  let sum = 0
  for (let t = 0; t < targets.length; t++) {
    let combined = 0
    for (let k = 0; k < members; k++) combined += weights[rows[t]! * members + k]! * gaps[t * members + k]!
    const logit = -combined / TEMPERATURE
    sum += Math.max(logit, 0) - logit * targets[t]! + Math.log1p(Math.exp(-Math.abs(logit)))
  }
  return sum / Math.max(1, targets.length)
}

function pick({ rows, gaps, targets }: GateTriples, members: number, wanted: (row: number) => boolean): GateTriples {
  const at = Array.from(rows, (_, t) => t).filter((t) => wanted(rows[t]!))
  return {
    rows: Int32Array.from(at, (t) => rows[t]!),
    gaps: Float32Array.from(at.flatMap((t) => [...gaps.subarray(t * members, (t + 1) * members)])),
    targets: Float32Array.from(at, (t) => targets[t]!),
  }
}

function deviations(data: Float32Array, dim: number): Float32Array {
  const rows = data.length / dim
  return Float32Array.from({ length: dim }, (_, i) => {
    let [sum, squares] = [0, 0]
    for (let at = i; at < data.length; at += dim) {
      sum += data[at]!
      squares += data[at]! ** 2
    }
    return Math.sqrt(Math.max(0, squares / rows - (sum / rows) ** 2)) || 1
  })
}
