import { LookalikeError } from '@lookalike/core'
import type { OnnxModel, ValueInfo } from '../model/model.js'
import { neededNodes, producers, pruned, readsOf } from './needed-nodes.js'

export interface ExtractOptions {
  /** Tensors that will be fed. Default: the model's own inputs, those that are needed. */
  readonly inputs?: readonly (string | ValueInfo)[] | undefined
  /** Tensors that will come out. Default: the model's own outputs. */
  readonly outputs?: readonly (string | ValueInfo)[] | undefined
}

/**
 * Cuts the part of a model between some tensors out: the first blocks, a head, or the model with another output. Tensors inside are
 * taken to be float32 unless a {@link ValueInfo} says otherwise.
 *
 * @throws `onnx/tensor-name` for unknown names; `onnx/cut` when the outputs also depend on inputs that are not listed.
 * @example
 * const firstHalf = extractModel(model, { outputs: ['/blocks.5/Add_1_output_0'] })
 */
export function extractModel(model: OnnxModel, options: ExtractOptions): OnnxModel {
  const { graph } = model
  const made = producers(graph.nodes)
  const known = new Map([...graph.inputs, ...graph.outputs].map((info) => [info.name, info]))
  const describe = (value: string | ValueInfo): ValueInfo => {
    const info = typeof value === 'string' ? (known.get(value) ?? { name: value, type: 'float32' as const }) : value
    if (!made.has(info.name) && !known.has(info.name) && !graph.initializers.has(info.name))
      throw unknownTensor(info.name, made.keys())
    return info
  }
  const outputs = (options.outputs ?? graph.outputs).map(describe)
  const given = options.inputs?.map(describe)
  const stops = new Set(given?.map(({ name }) => name))
  const names = outputs.map(({ name }) => name)
  const nodes = neededNodes(graph.nodes, names, stops)
  const read = new Set([...nodes.flatMap(readsOf), ...names])
  const ownInputs = graph.inputs.filter(({ name }) => read.has(name) && !stops.has(name))
  if (given && ownInputs.length > 0) {
    throw new LookalikeError(
      'onnx/cut',
      {
        problem: `${names.join(', ')} still depend on ${ownInputs.map(({ name }) => name).join(', ')} when ${[...stops].join(', ')} are fed`,
        expected: 'a list of inputs that every path passes through',
        fix: 'Add it to the inputs.',
      },
      { fields: { missing: ownInputs.map(({ name }) => name) } },
    )
  }
  const initializers = new Map([...graph.initializers].filter(([name]) => !stops.has(name)))
  return { ...model, graph: pruned({ ...graph, nodes, inputs: given ?? ownInputs, outputs, initializers }) }
}

function unknownTensor(name: string, names: Iterable<string>): LookalikeError {
  const all = [...names]
  return new LookalikeError(
    'onnx/tensor-name',
    {
      problem: `The model has no tensor ${name}`,
      expected: `one of its ${all.length} tensors, for example ${all.slice(-3).join(', ')}`,
    },
    { fields: { name } },
  )
}
