import { LookalikeError } from '@lookalike/core'
import type { OnnxModel, ValueInfo } from '../model/model.js'
import { cutGraph, producers } from './needed-nodes.js'

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
  const cut = cutGraph(graph, given ?? [], outputs)
  const others = cut.inputs.slice(given?.length ?? 0).map(({ name }) => name)
  if (given && others.length > 0) {
    throw new LookalikeError(
      'onnx/cut',
      {
        problem: `${namesOf(outputs)} still depend on ${others.join(', ')} when ${namesOf(given)} are fed`,
        expected: 'a list of inputs that every path passes through',
        fix: 'Add it to the inputs.',
      },
      { fields: { missing: others } },
    )
  }
  return { ...model, graph: cut }
}

const namesOf = (infos: readonly ValueInfo[]) => infos.map(({ name }) => name).join(', ')

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
