import { LookalikeError } from '@lookalike/core'
import type { GraphBuilder } from '../builder/create-graph-builder.js'
import type { Node } from '../model/model.js'
import { toNumbers } from '../model/tensor.js'
import type { Probe } from './probe.js'
import type { RuleContext } from './rule.js'

export function createRuleContext(
  g: GraphBuilder,
  node: Node,
  outputGradients: readonly (string | undefined)[],
  probe: Probe,
  wants: (tensor: string) => boolean,
  forwardOutput: (node: Node, output: number) => string,
): RuleContext {
  const shape = (name: string) => {
    const known = probe.shapes.get(name)
    if (!known) throw new Error(`The probe saw no tensor ${name}.`)
    return known
  }
  const unsupported = (what: string) => unsupportedNode(node, what)
  const constant = (input: number) => probe.values.get(node.inputs[input] ?? '')
  const attribute = (name: string) => node.attributes[name]
  return {
    g,
    node,
    outputGradients,
    get dy() {
      const first = outputGradients[0]
      if (first === undefined) throw unsupported(`${node.op} whose first output is not used`)
      return first
    },
    wants: (input) => wants(node.inputs[input] ?? ''),
    shape,
    outputShape: shape(node.outputs[0]!),
    constant,
    numbers: (input) => {
      const value = constant(input)
      if (!value)
        throw unsupported(`${node.op} whose input ${input} (${node.inputs[input]}) is computed from the image`)
      return toNumbers(value)
    },
    integer: (name, otherwise) => {
      const found = attribute(name)
      return found?.kind === 'int' ? found.value : otherwise
    },
    float: (name, otherwise) => {
      const found = attribute(name)
      return found?.kind === 'float' ? found.value : otherwise
    },
    integers: (name) => {
      const found = attribute(name)
      return found?.kind === 'ints' ? found.value : undefined
    },
    text: (name, otherwise) => {
      const found = attribute(name)
      return found?.kind === 'string' ? found.value : otherwise
    },
    forwardOutput: (output) => forwardOutput(node, output),
    unsupported,
  }
}

/** @throws Names the operator, the node and the ways out. */
export function unsupportedNode(node: Node, what: string): LookalikeError {
  return new LookalikeError(
    'onnx/not-differentiable',
    {
      problem: `The node ${node.name} cannot be differentiated: ${what}`,
      expected: 'operators with a gradient rule between the trained weights and the output',
      fix: 'Train only weights that come after it (freeze what comes before), or export the model without it.',
    },
    { fields: { node: node.name, op: node.op, domain: node.domain, outputs: node.outputs } },
  )
}
