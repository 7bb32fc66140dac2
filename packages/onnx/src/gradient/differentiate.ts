import { LookalikeError } from '@lookalike/core'
import { createGraphBuilder } from '../builder/create-graph-builder.js'
import type { Graph, Node, OnnxModel, ValueInfo } from '../model/model.js'
import type { Tensor } from '../model/tensor.js'
import type { Feeds } from '../session/open-session.js'
import { pruned, readsOf } from '../transform/needed-nodes.js'
import { convertOpset } from './convert-opset.js'
import { fold } from './fold.js'
import { inlineBranches } from './inline-branches.js'
import { inlineConstants } from './inline-constants.js'
import { type Probe, probe } from './probe.js'
import { raisePatterns } from './raise-patterns.js'
import { raiseVectors } from './raise-vectors.js'
import { createRuleContext, unsupportedNode } from './rule-context.js'
import { rules } from './rules/index.js'
import { trainableInitializers } from './trainable-initializers.js'

export interface DifferentiateOptions {
  /** The outputs whose gradients will be given. Default: all. */
  readonly outputs?: readonly string[] | undefined
  /** The initializers to train. Default: {@link trainableInitializers}. */
  readonly trainable?: readonly string[] | undefined
  /** Inputs whose gradients are wanted too. Default: none. */
  readonly inputGradients?: readonly string[] | undefined
  /** One set of inputs. The graph is made for exactly these shapes. */
  readonly example: Feeds
}

export interface GradientModel {
  /**
   * Forward and backward in one. Inputs: the model's own, the trained weights under their names, and the gradient of each output.
   * Outputs: the model's own, and the gradients.
   */
  readonly model: OnnxModel
  /** The model with its trained weights as inputs, for the forward pass alone. */
  readonly forward: OnnxModel
  /** The trained weights, by name: what to feed first. */
  readonly weights: ReadonlyMap<string, Tensor>
  /** Name of the input that takes the gradient of each output. */
  readonly outputGradients: Readonly<Record<string, string>>
  /** Name of the output that holds the gradient of each trained weight. */
  readonly weightGradients: Readonly<Record<string, string>>
  /** Name of the output that holds the gradient of each input in `inputGradients`. */
  readonly inputGradients: Readonly<Record<string, string>>
}

/**
 * Writes the reverse mode of a model out as a plain ONNX graph.
 *
 * The graph is exact for the example's shapes, the batch included: a smaller last batch is filled up, with zeros as the gradients of
 * what was added. Nodes without a trained weight before them are not differentiated.
 *
 * @throws `onnx/not-differentiable` naming the operator and the node; `onnx/not-trainable` for names that are no float32 weights;
 * `onnx/unreachable` for weights that no output depends on; `onnx/output` for unknown outputs.
 * @example
 * const gradient = await differentiate(model, { example: { pixels } })
 * const session = await createSession(gradient.model)
 */
export async function differentiate(model: OnnxModel, options: DifferentiateOptions): Promise<GradientModel> {
  const outputs = options.outputs ?? model.graph.outputs.map(({ name }) => name)
  const trainable = options.trainable ?? trainableInitializers(model, outputs)
  const inputGradients = options.inputGradients ?? []
  const plain = await flatten(model, outputs, options.example, new Set(trainable))
  const graph = raiseVectors(raisePatterns(plain.graph), plain.opset['']!)
  const weights = weightsOf(graph, trainable)
  const raised = { ...plain, graph, opset: { ...plain.opset, 'com.microsoft': 1 } }
  const seen = await probe(raised, options.example, { varying: new Set(trainable) })
  return buildGradient({ ...raised, graph: fold(graph, seen) }, seen, weights, inputGradients)
}

/** The part of a model that makes the outputs, in an opset that there are rules for, without constants and branches as nodes. */
export async function flatten(
  model: OnnxModel,
  outputs: readonly string[],
  example: Feeds,
  varying: ReadonlySet<string>,
): Promise<OnnxModel> {
  const named = { ...model, graph: selectOutputs(inlineConstants(model.graph), outputs) }
  return inlineBranches(convertOpset(named), example, varying)
}

/** The reverse sweep: every node's rule, from the outputs back to the weights. */
function buildGradient(
  model: OnnxModel,
  seen: Probe,
  weights: ReadonlyMap<string, Tensor>,
  inputGradients: readonly string[],
): GradientModel {
  const { graph } = model
  const g = createGraphBuilder({ opset: model.opset['']!, prefix: 'gradient/' })
  const active = activeTensors(graph.nodes, [...weights.keys(), ...inputGradients])
  const outputsOf = new Map(graph.nodes.map((node) => [node, [...node.outputs]]))
  const forwardOutput = (node: Node, output: number) => {
    const names = outputsOf.get(node)!
    while (names.length <= output) names.push('')
    return (names[output] ||= `${node.outputs[0]}.${output}`)
  }

  const arriving = new Map<string, string[]>()
  const total = (name: string) => {
    const parts = arriving.get(name)
    if (!parts) return undefined
    const sum = parts.length === 1 ? parts[0]! : parts.length === 2 ? g.add(parts[0]!, parts[1]!) : g.node('Sum', parts)
    arriving.set(name, [sum])
    return sum
  }
  const outputGradients: Record<string, string> = {}
  for (const { name } of graph.outputs) {
    outputGradients[name] = g.input(`gradient of ${name}`, 'float32', seen.shapes.get(name)!)
    arriving.set(name, [outputGradients[name]])
  }
  for (const node of [...graph.nodes].reverse()) {
    if (!readsOf(node).some((input) => active.has(input))) continue
    const gradients = node.outputs.map(total)
    if (gradients.every((gradient) => gradient === undefined)) continue
    const rule = rules.get(node.op)
    if (!rule)
      throw unsupportedNode(node, `the operator ${node.domain ? `${node.domain}.` : ''}${node.op} has no gradient rule`)
    const context = createRuleContext(g, node, gradients, seen, (tensor) => active.has(tensor), forwardOutput)
    rule(context).forEach((gradient, i) => {
      const input = node.inputs[i]!
      if (gradient !== undefined && active.has(input)) arriving.set(input, [...(arriving.get(input) ?? []), gradient])
    })
  }
  const finish = (name: string) => {
    const gradient = total(name)
    if (gradient === undefined) throw unreachable(name)
    return g.output(gradient, `gradient of ${name}`, { shape: seen.shapes.get(name)! })
  }
  const weightGradients = Object.fromEntries(Array.from(weights.keys(), (name) => [name, finish(name)]))
  const ofInputs = Object.fromEntries(inputGradients.map((name) => [name, finish(name)]))

  const backward = g.graph()
  const forward = withWeightInputs(graph, weights)
  const joined = pruned({
    name: graph.name,
    nodes: [...forward.nodes.map((node) => ({ ...node, outputs: outputsOf.get(node)! })), ...backward.nodes],
    inputs: [...forward.inputs, ...backward.inputs],
    outputs: [...forward.outputs, ...backward.outputs],
    initializers: new Map([...forward.initializers, ...backward.initializers]),
  })
  return {
    model: { ...model, graph: joined },
    forward: { ...model, graph: forward },
    weights,
    outputGradients,
    weightGradients,
    inputGradients: ofInputs,
  }
}

/** What depends on the given tensors; only through it do gradients flow. */
export function activeTensors(nodes: readonly Node[], sources: readonly string[]): Set<string> {
  const active = new Set(sources)
  for (const node of nodes) {
    if (!STOPS.has(node.op) && readsOf(node).some((input) => active.has(input)))
      for (const output of node.outputs) if (output) active.add(output)
  }
  return active
}

/** Operators whose result does not change with small changes of their input. */
const STOPS = new Set([
  'Shape',
  'Size',
  'Equal',
  'Less',
  'LessOrEqual',
  'Greater',
  'GreaterOrEqual',
  'Not',
  'And',
  'Or',
  'Sign',
  'Floor',
  'Ceil',
  'Round',
  'ArgMax',
  'ArgMin',
  'NonZero',
  'IsNaN',
  'IsInf',
  'ConstantOfShape',
])

function withWeightInputs(graph: Graph, weights: ReadonlyMap<string, Tensor>): Graph {
  return {
    ...graph,
    inputs: [...graph.inputs, ...Array.from(weights, ([name, { type, shape }]): ValueInfo => ({ name, type, shape }))],
    initializers: new Map([...graph.initializers].filter(([name]) => !weights.has(name))),
  }
}

function selectOutputs(graph: Graph, names: readonly string[]): Graph {
  const outputs = names.map((name) => {
    const output = graph.outputs.find((candidate) => candidate.name === name)
    if (output) return output
    throw new LookalikeError(
      'onnx/output',
      {
        problem: `The model has no output ${name}`,
        expected: `one of ${graph.outputs.map((candidate) => candidate.name).join(', ')}`,
      },
      { fields: { output: name } },
    )
  })
  return pruned({ ...graph, outputs })
}

function weightsOf(graph: Graph, names: readonly string[]): Map<string, Tensor> {
  if (names.length === 0) {
    throw new LookalikeError('onnx/not-trainable', {
      problem: 'The model has no weights to train',
      expected: 'float32 initializers, or Constant nodes, between the input and the output',
      fix: 'Quantised and half-precision models cannot be trained: export the model in float32.',
    })
  }
  return new Map(
    names.map((name) => {
      const tensor = graph.initializers.get(name)
      if (tensor?.type === 'float32') return [name, tensor]
      const problem = tensor ? `The weight ${name} is ${tensor.type}` : `No output depends on a weight named ${name}`
      throw new LookalikeError(
        tensor ? 'onnx/not-trainable' : 'onnx/unreachable',
        {
          problem,
          expected: 'names of float32 initializers that the outputs depend on',
          fix: 'Take it off the list of trained weights.',
        },
        { fields: { weight: name } },
      )
    }),
  )
}

function unreachable(name: string): LookalikeError {
  return new LookalikeError(
    'onnx/unreachable',
    {
      problem: `No gradient reaches ${name}`,
      expected: 'weights that change the outputs smoothly',
      fix: 'Take it off the list of trained weights.',
    },
    { fields: { weight: name } },
  )
}
