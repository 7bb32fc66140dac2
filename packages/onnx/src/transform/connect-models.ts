import { LookalikeError } from '@lookalike/core'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import type { OnnxModel } from '../model/model.js'

export interface ConnectOptions {
  /** For each input of the second model, the output of the first that feeds it. Default: the second's only input gets the first's only output. */
  readonly feed?: Readonly<Record<string, string>> | undefined
  /** Outputs of the first model that stay outputs. Default: none. */
  readonly keep?: readonly string[] | undefined
  /** Put before the names of the second model's tensors where they would clash. Default `head/`. */
  readonly prefix?: string | undefined
}

/**
 * Puts a second model on top of a first: a pooling and projection head on an encoder. Inputs of the second that nothing feeds stay inputs.
 *
 * @throws `onnx/connect` when names do not fit or the two use different versions of the same operators.
 * @example
 * const encoder = connectModels(backbone, head, { feed: { tokens: 'last_hidden_state' } })
 */
export function connectModels(first: OnnxModel, second: OnnxModel, options: ConnectOptions = {}): OnnxModel {
  const feed = options.feed ?? { [second.graph.inputs[0]?.name ?? '']: first.graph.outputs[0]?.name ?? '' }
  for (const [input, output] of Object.entries(feed)) {
    if (
      !second.graph.inputs.some(({ name }) => name === input) ||
      !first.graph.outputs.some(({ name }) => name === output)
    ) {
      throw new LookalikeError('onnx/connect', {
        problem: `The input ${input} of the second model was to get the output ${output} of the first`,
        expected: `inputs ${second.graph.inputs.map(({ name }) => name).join(', ')} and outputs ${first.graph.outputs.map(({ name }) => name).join(', ')}`,
      })
    }
  }
  for (const [domain, version] of Object.entries(second.opset)) {
    const other = first.opset[domain]
    if (other !== undefined && other !== version) {
      throw new LookalikeError('onnx/connect', {
        problem: `The first model uses version ${other} of ${domain || "ONNX's operators"}, the second version ${version}`,
        expected: 'the same version in both',
        fix: `Build or export the second model with opset ${other}.`,
      })
    }
  }
  const g = createGraphBuilder({ name: first.graph.name })
  for (const { name, type = 'float32', shape = [] } of first.graph.inputs) g.input(name, type, shape)
  const here = g.include(first.graph, Object.fromEntries(first.graph.inputs.map(({ name }) => [name, name])))
  const mapping = Object.fromEntries(
    second.graph.inputs.map(({ name, type = 'float32', shape = [] }) => {
      const fed = feed[name]
      return [name, fed === undefined ? g.input(name, type, shape) : here[fed]!]
    }),
  )
  const made = g.include(second.graph, mapping, options.prefix ?? 'head/')
  for (const name of options.keep ?? []) g.output(here[name] ?? name, name)
  for (const { name, ...info } of second.graph.outputs) g.output(made[name]!, name, info)
  return {
    ...first,
    irVersion: Math.max(first.irVersion, second.irVersion),
    opset: { ...first.opset, ...second.opset },
    graph: g.graph(),
    functions: [...first.functions, ...second.functions],
  }
}
