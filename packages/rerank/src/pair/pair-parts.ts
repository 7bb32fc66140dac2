import { cutGraph, type Node, type OnnxModel, type ValueInfo } from '@lookalike/onnx'
import { NAMES, type PairSpec } from './pair-spec.js'

/** ONNX's numbers of element types. */
const FLOAT = 1
const HALF = 10

/** The name under which tokens enter and leave the parts in half precision, as they are cached. */
export const halfOf = (name: string) => `${name}.half`

const cast = (from: string, to: string, type: number): Node => ({
  name: to,
  op: 'Cast',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: { to: { kind: 'int', value: type } },
})

/** The part for one image: pixels to the tokens that a pair needs (float16), and the embedding where the logit has a term of it. */
export function imagePart(model: OnnxModel, spec: PairSpec): OnnxModel {
  const pixels: ValueInfo = { name: NAMES.pixels, type: 'float32', shape: ['N', 3, spec.height, spec.width] }
  const embeddings: ValueInfo[] = spec.stageOne
    ? [{ name: NAMES.embeddings, type: 'float32', shape: ['N', spec.embedding] }]
    : []
  const graph = cutGraph(model.graph, [pixels], [{ name: NAMES.tokens }, ...embeddings])
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...graph.nodes, cast(NAMES.tokens, halfOf(NAMES.tokens), HALF)],
      outputs: [{ name: halfOf(NAMES.tokens), type: 'float16', shape: ['N', ...spec.tokens] }, ...embeddings],
    },
  }
}

/** The part for the pair: both images' tokens (float16) and embeddings to `output`. */
export function pairPart(model: OnnxModel, spec: PairSpec, output: string = NAMES.different): OnnxModel {
  const tokens = [NAMES.queryTokens, NAMES.candidateTokens]
  const embeddings = spec.stageOne ? [NAMES.queryEmbedding, NAMES.candidateEmbedding] : []
  const embeddingInputs = embeddings.map((name): ValueInfo => ({ name, type: 'float32', shape: ['N', spec.embedding] }))
  const graph = cutGraph(
    model.graph,
    [...tokens.map((name) => ({ name })), ...embeddingInputs],
    [{ name: output, type: 'float32', shape: ['N', 1] }],
  )
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [...tokens.map((name) => cast(halfOf(name), name, FLOAT)), ...graph.nodes],
      inputs: [
        ...tokens.map((name): ValueInfo => ({ name: halfOf(name), type: 'float16', shape: ['N', ...spec.tokens] })),
        ...embeddingInputs,
      ],
    },
  }
}

/** A model with dropout in its head, for training: `mask` [N, units] multiplies the hidden layer. */
export function withDropout(model: OnnxModel, mask: string): OnnxModel {
  const { graph } = model
  const units = graph.initializers.get('pair.head.fc1.bias')!.shape[0]!
  const dropped = `${NAMES.hidden}.dropped`
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const reads = { ...node, inputs: node.inputs.map((name) => (name === NAMES.hidden ? dropped : name)) }
    if (!node.outputs.includes(NAMES.hidden)) return [reads]
    return [
      reads,
      { name: dropped, op: 'Mul', domain: '', inputs: [NAMES.hidden, mask], outputs: [dropped], attributes: {} },
    ]
  })
  return {
    ...model,
    graph: { ...graph, nodes, inputs: [...graph.inputs, { name: mask, type: 'float32', shape: ['N', units] }] },
  }
}
