import { LookalikeError, type Warning } from '@lookalike/core'
import { cutGraph, type Graph, type Node, type OnnxModel, type ValueInfo } from '@lookalike/onnx'
import { describeShape } from './network-input.js'

/** Names under which exporters give what is taken without asking, best first. */
const USUAL = ['embedding', 'image_embeds', 'pooler_output', 'last_hidden_state']
const EMBEDDING_NAME = /embed|feature|pool|hidden|token|vector|repr|descriptor/i
const SCORES_NAME =
  /(^|[_./-])(logits?|scores?|prob(s|abilit(y|ies))?|pred(s|ictions?)?|class(es)?|labels?)([_./-]|\d|$)/i
/** Numbers of classes that networks are published with (ImageNet, with and without background; ImageNet-21k; Places). */
const CLASS_COUNTS = new Set([365, 1000, 1001, 11_221, 21_841, 21_843])

/**
 * The output that makes the embedding: the one that is asked for (or any tensor inside), else one with a usual name, else the only one that
 * comes of the image alone and does not look like class scores.
 *
 * @throws `encoder/output` for an unknown name, and where several could be meant.
 */
export function chooseOutput(
  { graph }: OnnxModel,
  wanted: string | undefined,
  name: string,
  onWarning: ((warning: Warning) => void) | undefined,
): string {
  const names = graph.outputs.map((output) => output.name)
  if (wanted !== undefined) {
    if (graph.nodes.some(({ outputs }) => outputs.includes(wanted))) return wanted
    throw outputError(name, graph.outputs, `${name} has no output ${wanted}`, wanted)
  }
  const fitting = graph.outputs.filter((output) => isVectorOfImage(graph, output))
  const offered = fitting.map((output) => output.name)
  const usual = USUAL.find((known) => offered.includes(known))
  if (usual !== undefined) return usual
  const telling = fitting.filter((output) => EMBEDDING_NAME.test(output.name) && !looksLikeScores(graph, output))
  if (telling.length === 1) return telling[0]!.name
  const plain = fitting.filter((output) => !looksLikeScores(graph, output))
  if (plain.length === 1) return plain[0]!.name
  if (plain.length === 0 && fitting.length === 1) {
    onWarning?.(scoresWarning(graph, fitting[0]!, name))
    return fitting[0]!.name
  }
  // Models that say nothing about their outputs: the only one is meant.
  if (fitting.length === 0 && names.length === 1) return names[0]!
  throw outputError(
    name,
    graph.outputs,
    `${name} has ${names.length} outputs, and nothing tells which is the embedding`,
  )
}

/** Whether an output is made of the image alone, with numbers that can be an embedding. */
function isVectorOfImage(graph: Graph, output: ValueInfo): boolean {
  if (output.type && !['float32', 'float16', 'float64'].includes(output.type)) return false
  if (output.shape && (output.shape.length < 2 || output.shape.length > 4)) return false
  const { inputs, nodes } = cutGraph(graph, [], [output])
  return nodes.length > 0 && inputs.length > 0 && inputs.every(({ shape }) => !shape || shape.length === 4)
}

function looksLikeScores(graph: Graph, { name, shape }: ValueInfo): boolean {
  const maker = makerOf(graph, name)
  const last = shape?.at(-1)
  return (
    SCORES_NAME.test(name) ||
    maker?.op === 'Softmax' ||
    maker?.op === 'LogSoftmax' ||
    (shape?.length === 2 && typeof last === 'number' && CLASS_COUNTS.has(last))
  )
}

function scoresWarning(graph: Graph, output: ValueInfo, model: string): Warning {
  const before = beforeLastLayer(graph, output.name)
  return {
    code: 'encoder/class-scores',
    message: `The only output of ${model}, ${describe(output)}, looks like class scores: what images have in common beyond their class is lost in them. ${before === undefined ? 'Set `output` to a tensor before the last layer.' : `Set \`output\` to ${before}, which its last layer reads.`}`,
    fields: { model, output: output.name, before },
  }
}

/** What the last product with a weight reads, going back from an output. */
function beforeLastLayer(graph: Graph, output: string): string | undefined {
  for (let name: string | undefined = output, steps = 0; name !== undefined && steps < 8; steps++) {
    const node = makerOf(graph, name)
    if (!node) return undefined
    if (node.op === 'Gemm' || node.op === 'MatMul') return makerOf(graph, node.inputs[0]!) && node.inputs[0]
    name = node.inputs.find((input) => makerOf(graph, input) !== undefined)
  }
  return undefined
}

function makerOf(graph: Graph, name: string): Node | undefined {
  return graph.nodes.find(({ outputs }) => outputs.includes(name))
}

const describe = ({ name, shape }: ValueInfo) => `${name} ${describeShape(shape)}`.trim()

function outputError(model: string, outputs: readonly ValueInfo[], problem: string, wanted?: string): LookalikeError {
  return new LookalikeError(
    'encoder/output',
    {
      problem,
      expected: `one of ${outputs.map(describe).join(', ')}, or the name of a tensor inside the model`,
      fix: 'Set `output` to the embedding.',
    },
    { fields: { model, output: wanted, outputs: outputs.map(({ name }) => name) } },
  )
}
