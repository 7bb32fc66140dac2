import { createRandom, LookalikeError } from '@lookalike/core'
import { createGraphBuilder, float32, type OnnxModel, type TensorOf, withInitializers } from '@lookalike/onnx'

/** A model whose attention projections carry a trained change of low rank. */
export interface LoraModel {
  readonly model: OnnxModel
  /** Names of the trained matrices A `[inputs, rank]` and B `[rank, outputs]`; everything else is frozen. */
  readonly trainable: readonly string[]
  /** The original graph with `W + A B` as its weights: nothing is left of the change but its values. */
  merge(values: ReadonlyMap<string, Float32Array>): OnnxModel
}

/** One projection that is changed: columns `[from, from + outputs)` of a weight. */
interface Change {
  readonly name: string
  readonly from: number
  readonly outputs: number
}

/** A weight `[inputs, width]`, or `[width, inputs]` where a Gemm transposes it. */
interface Target {
  readonly weight: string
  readonly inputs: number
  readonly width: number
  readonly transposed: boolean
  readonly changes: readonly Change[]
}

const PREFIX = 'lora/'

/**
 * Low-rank adaptation (Hu et al. 2021, arXiv 2106.09685) of the query and value projections of a vision transformer, as
 * Liao & Chen (KDD 2024, arXiv 2401.07951) fine-tune with rank 4: each weight W becomes `W + A B`, A drawn from N(0, 1 / inputs), B zero,
 * so that the model is at first what it was.
 *
 * Projections are known by their names, apart (`q_proj`, `query`, `to_q`, `v_proj`, `value`, `to_v`) or fused (`qkv`, `in_proj`), of the weight or of its node.
 *
 * @throws `ensemble/no-attention` when the model has no such projections
 */
export function addLora(model: OnnxModel, rank: number, seed: number | string): LoraModel {
  const targets = findTargets(model)
  if (targets.length === 0) throw noAttention(model)
  const random = createRandom(`${seed}/lora`)
  const g = createGraphBuilder({ opset: model.opset['']!, prefix: PREFIX })
  const trainable: string[] = []
  const changed = new Map<string, string>()
  for (const { weight, inputs, width, transposed, changes } of targets) {
    const parts: string[] = []
    let at = 0
    const fill = (to: number) => {
      if (to > at) parts.push(g.constant(float32(new Float32Array(inputs * (to - at)), [inputs, to - at])))
      at = to
    }
    for (const { name, from, outputs } of changes) {
      fill(from)
      const [a, b] = [`${PREFIX}${name}.A`, `${PREFIX}${name}.B`]
      const stream = random.fork(name)
      g.initializer(
        a,
        float32(
          Float32Array.from({ length: inputs * rank }, () => stream.normal() / Math.sqrt(inputs)),
          [inputs, rank],
        ),
      )
      g.initializer(b, float32(new Float32Array(rank * outputs), [rank, outputs]))
      trainable.push(a, b)
      parts.push(g.matMul(a, b))
      at += outputs
    }
    fill(width)
    const change = parts.length === 1 ? parts[0]! : g.concat(parts, 1)
    changed.set(weight, g.add(weight, transposed ? g.transpose(change, [1, 0]) : change))
  }
  const added = g.graph()
  const { graph } = model
  const nodes = graph.nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((input) => changed.get(input) ?? input),
  }))
  return {
    model: {
      ...model,
      graph: {
        ...graph,
        nodes: [...added.nodes, ...nodes],
        initializers: new Map([...graph.initializers, ...added.initializers]),
      },
    },
    trainable,
    merge: (values) =>
      withInitializers(
        model,
        targets.map((target) => [target.weight, merged(model, target, rank, values)]),
      ),
  }
}

const FUSED = /(^|[./_])(qkv|in_proj)([./_]|$)/i
const QUERY = /(^|[./_])(q|q_proj|query|to_q)([./_]|$)/i
const VALUE = /(^|[./_])(v|v_proj|value|to_v)([./_]|$)/i

/** Weights that a MatMul or Gemm reads and whose name, or whose node's, says what they project to. */
function findTargets({ graph }: OnnxModel): Target[] {
  const found = new Map<string, Target>()
  for (const { op, name, inputs, attributes } of graph.nodes) {
    const weight = inputs[1]!
    const tensor = graph.initializers.get(weight)
    if (
      (op !== 'MatMul' && op !== 'Gemm') ||
      tensor?.type !== 'float32' ||
      tensor.shape.length !== 2 ||
      found.has(weight)
    )
      continue
    const label = [weight, name].find((text) => FUSED.test(text) || QUERY.test(text) || VALUE.test(text))
    if (label === undefined) continue
    const transB = attributes['transB']
    const transposed = op === 'Gemm' && transB?.kind === 'int' && transB.value === 1
    const [rows, columns] = tensor.shape as [number, number]
    const [size, width] = transposed ? [columns, rows] : [rows, columns]
    const third = width / 3
    const changes = FUSED.test(label)
      ? [
          { name: `${weight}.query`, from: 0, outputs: third },
          { name: `${weight}.value`, from: 2 * third, outputs: third },
        ]
      : [{ name: weight, from: 0, outputs: width }]
    if (Number.isInteger(changes[0]!.outputs)) found.set(weight, { weight, inputs: size, width, transposed, changes })
  }
  return [...found.values()]
}

function merged(
  { graph }: OnnxModel,
  { weight, inputs, width, transposed, changes }: Target,
  rank: number,
  values: ReadonlyMap<string, Float32Array>,
): TensorOf<'float32'> {
  const old = graph.initializers.get(weight) as TensorOf<'float32'>
  const data = old.data.slice()
  for (const { name, from, outputs } of changes) {
    const [a, b] = [values.get(`${PREFIX}${name}.A`)!, values.get(`${PREFIX}${name}.B`)!]
    for (let i = 0; i < inputs; i++) {
      for (let o = 0; o < outputs; o++) {
        let sum = 0
        for (let r = 0; r < rank; r++) sum += a[i * rank + r]! * b[r * outputs + o]!
        data[transposed ? (from + o) * inputs + i : i * width + from + o]! += sum
      }
    }
  }
  return { ...old, data }
}

function noAttention({ graph }: OnnxModel): LookalikeError {
  return new LookalikeError(
    'ensemble/no-attention',
    {
      problem: `The encoder's network ${graph.name} has no query and value projections, by their names`,
      expected: 'a vision transformer with weights or nodes named qkv, q_proj and v_proj, or query and value',
      fix: 'Choose another form of the members: { use: head } or { use: all }.',
    },
    { fields: { network: graph.name } },
  )
}
