import type { Graph, Node, OnnxModel } from '../model/model.js'
import { renameOuter } from '../model/rename-outer.js'
import type { Feeds } from '../session/open-session.js'
import { inlineConstants } from './inline-constants.js'
import { probe } from './probe.js'

/**
 * Puts the branch that is taken in the place of each If whose condition depends on shapes and constants only, as exporters write them where
 * they cannot tell the shape. Constants inside become initializers.
 */
export async function inlineBranches(model: OnnxModel, feeds: Feeds, varying: ReadonlySet<string>): Promise<OnnxModel> {
  let { graph } = model
  while (graph.nodes.some(isIf)) {
    const { values } = await probe({ ...model, graph }, feeds, { varying })
    const taken = graph.nodes.filter((node) => isIf(node) && values.has(node.inputs[0]!))
    if (taken.length === 0) break
    const replaced = new Map(
      taken.map((node) => [node, branchOf(node, Boolean(values.get(node.inputs[0]!)!.data[0]))] as const),
    )
    const inner = taken.map((node) => replaced.get(node)!)
    graph = {
      ...graph,
      nodes: graph.nodes.flatMap((node) => replaced.get(node)?.nodes ?? [node]),
      initializers: new Map([...graph.initializers, ...inner.flatMap(({ initializers }) => [...initializers])]),
    }
  }
  return { ...model, graph }
}

const isIf = ({ op, domain }: Node) => op === 'If' && domain === ''

/** A branch under the names of the outer graph: its own tensors get the node's name before theirs. */
function branchOf(node: Node, condition: boolean): Graph {
  const attribute = node.attributes[condition ? 'then_branch' : 'else_branch']
  if (attribute?.kind !== 'graph') throw new Error(`The node ${node.name} has no branch.`)
  const branch = inlineConstants(attribute.value)
  const own = new Set([...branch.initializers.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)])
  const local = (name: string) => (name !== '' && own.has(name) ? `${node.name}/${name}` : name)
  const results = branch.outputs.map(({ name }, i): Node => {
    const output = node.outputs[i]!
    return {
      name: `${node.name}/result ${i}`,
      op: 'Identity',
      domain: '',
      inputs: [local(name)],
      outputs: [output],
      attributes: {},
    }
  })
  return {
    ...branch,
    nodes: [
      ...branch.nodes.map((inner) => ({
        ...inner,
        name: `${node.name}/${inner.name}`,
        inputs: inner.inputs.map(local),
        outputs: inner.outputs.map(local),
        attributes: renameOuter(inner.attributes, local),
      })),
      ...results.filter(({ outputs }) => outputs[0] !== ''),
    ],
    initializers: new Map(Array.from(branch.initializers, ([name, tensor]) => [local(name), tensor])),
  }
}
