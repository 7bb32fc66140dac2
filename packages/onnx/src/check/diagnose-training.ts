import { isLookalikeError } from '@lookalike/core'
import { activeTensors, differentiate, flatten } from '../gradient/differentiate.js'
import { inlineConstants } from '../gradient/inline-constants.js'
import { quantisedWeights } from '../gradient/quantised-weights.js'
import { rules } from '../gradient/rules/index.js'
import { trainableInitializers } from '../gradient/trainable-initializers.js'
import type { OnnxModel } from '../model/model.js'
import type { Feeds } from '../session/open-session.js'
import { pruned, readsOf } from '../transform/needed-nodes.js'
import { exampleFeeds } from './example-feeds.js'

export interface TrainingObstacle {
  /** Name of the node. */
  readonly node: string
  /** Its operator, with its domain where it is not one of ONNX's own. */
  readonly op: string
  /** For people. */
  readonly problem: string
}

export interface TrainingDiagnosis {
  /** Whether every weight can be trained. */
  readonly trainable: boolean
  /** The trained weights by name. */
  readonly weights: readonly string[]
  /** Their values in all. */
  readonly parameters: number
  /** The nodes between the weights and the outputs that have no gradient, and those whose weights are stored as small integers. */
  readonly obstacles: readonly TrainingObstacle[]
  /** The weights that can be trained nevertheless, because no obstacle comes after them. */
  readonly weightsAfterObstacles: readonly string[]
}

/** Says whether a model can be trained and which nodes stand in the way. */
export async function diagnoseTraining(
  model: OnnxModel,
  options: { readonly example?: Feeds | undefined } = {},
): Promise<TrainingDiagnosis> {
  const example = () => options.example ?? exampleFeeds(model)
  const outputs = model.graph.outputs.map(({ name }) => name)
  const branches = model.graph.nodes.some(({ op }) => op === 'If')
  const { graph } = branches
    ? await flatten(model, outputs, example(), new Set(trainableInitializers(model)))
    : { graph: pruned(inlineConstants(model.graph)) }
  const weights = trainableInitializers(model)
  const active = activeTensors(graph.nodes, weights)
  const blocked = graph.nodes.filter(
    (node) =>
      !rules.has(node.op) &&
      readsOf(node).some((input) => active.has(input)) &&
      node.outputs.some((output) => active.has(output)),
  )
  const obstacles: TrainingObstacle[] = blocked.map((node) => {
    const op = node.domain ? `${node.domain}.${node.op}` : node.op
    return { node: node.name, op, problem: `the operator ${op} has no gradient rule` }
  })
  if (weights.length > 0 && obstacles.length === 0) {
    // Some obstacles show only in the shapes and settings of a real run.
    try {
      await differentiate(model, { example: example() })
    } catch (error) {
      if (!isLookalikeError(error, 'onnx/not-differentiable')) throw error
      obstacles.push({ node: String(error.fields['node']), op: String(error.fields['op']), problem: error.message })
    }
  }
  for (const { name, type, node } of quantisedWeights(model)) {
    obstacles.push({
      node: node.name,
      op: node.op,
      problem: `its weight ${name} is stored as ${type}, which cannot be trained`,
    })
  }
  const obstacleNames = new Set(obstacles.map(({ node }) => node))
  const before = weightsBefore(
    graph.nodes.filter(({ name }) => obstacleNames.has(name)).flatMap(({ inputs }) => inputs),
    graph.nodes,
  )
  return {
    trainable: weights.length > 0 && obstacles.length === 0,
    weights,
    parameters: weights.reduce((sum, name) => sum + graph.initializers.get(name)!.data.length, 0),
    obstacles,
    weightsAfterObstacles: weights.filter((name) => !before.has(name)),
  }
}

/** Everything that some tensors depend on. */
function weightsBefore(
  tensors: readonly string[],
  nodes: readonly { inputs: readonly string[]; outputs: readonly string[] }[],
): Set<string> {
  const before = new Set(tensors)
  for (const node of [...nodes].reverse())
    if (node.outputs.some((output) => before.has(output))) for (const input of node.inputs) before.add(input)
  return before
}
