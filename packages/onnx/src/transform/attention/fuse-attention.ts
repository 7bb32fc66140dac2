import { type Probe, probe } from '../../gradient/probe.js'
import type { Node, OnnxModel } from '../../model/model.js'
import { float32, type Tensor } from '../../model/tensor.js'
import type { Feeds } from '../../session/create-session.js'
import { producers, pruned } from '../needed-nodes.js'
import { type Attention, findAttentions } from './find-attentions.js'
import { movedPositions, type Positions } from './moved-positions.js'

/**
 * The model with each multi-head self-attention as one `Attention` node of onnxruntime (`com.microsoft`), which saves the copies between its
 * parts. The results are the same but for rounding. For running on the CPU: such a node has no gradient.
 *
 * Fused is softmax(scale q k^T) v without mask, where queries, keys and values are columns of one product with tokens [N, tokens, dim], in
 * whatever order. All else stays as it is: of three products the runtime moves the heads fast enough.
 *
 * @param feeds One set of inputs, to read the shapes with.
 * @example
 * const pixels = float32(new Float32Array(2 * 3 * 224 * 224), [2, 3, 224, 224])
 * const session = await createSession(await fuseAttention(model, { pixel_values: pixels }))
 */
export async function fuseAttention(model: OnnxModel, feeds: Feeds): Promise<OnnxModel> {
  const { graph } = model
  if (!graph.nodes.some(({ op }) => op === 'Softmax')) return model
  const found = await probe(model, feeds, new Set())
  const attentions = findAttentions(graph, found)
  const positions = await movedPositions(
    model,
    found,
    attentions.flatMap(({ queries, keys, values, result }) => [queries, keys, values, result]),
  )
  const initializers = new Map<string, Tensor>(graph.initializers)
  const fused = new Map<string, Node>()
  for (const attention of attentions) {
    const parts = fuse(attention, found, positions)
    if (!parts) continue
    for (const [name, tensor] of parts.initializers) initializers.set(name, tensor)
    fused.set(attention.result.target, parts.node)
  }
  const replaced = () =>
    pruned({ ...graph, initializers, nodes: graph.nodes.map((node) => fused.get(node.outputs[0]!) ?? node) })
  // Where something else asks for a shape in between, all would be computed twice.
  const stillMade = producers(replaced().nodes)
  for (const { queries, weights, result } of attentions) {
    if (stillMade.has(queries.source) || stillMade.has(weights)) fused.delete(result.target)
  }
  return fused.size === 0 ? model : { ...model, opset: { ...model.opset, 'com.microsoft': 1 }, graph: replaced() }
}

interface Fused {
  readonly node: Node
  readonly initializers: readonly (readonly [string, Tensor])[]
}

function fuse(
  { product, queries, keys, values, scale, result }: Attention,
  { shapes }: Probe,
  positions: Positions,
): Fused | undefined {
  const [images, count, inputs] = shapes.get(product.tokens)! as [number, number, number]
  const perHead = shapes.get(queries.target)!.at(-1)!
  const heads = (shapes.get(result.target)!.at(-1) ?? 0) / perHead
  const size = { images, count, heads, perHead }
  const width = product.weight.shape[1]!
  const columns = [
    columnsOf(positions.get(queries.target), width, size, false),
    columnsOf(positions.get(keys.target), width, size, true),
    columnsOf(positions.get(values.target), width, size, false),
  ]
  if (!columns.every((found) => found !== undefined) || !isJoined(positions.get(result.target), size)) return undefined

  const from = Int32Array.from(columns.flat())
  const weight = new Float32Array(inputs * from.length)
  for (let row = 0; row < inputs; row++) {
    for (let i = 0; i < from.length; i++) weight[row * from.length + i] = product.weight.data[row * width + from[i]!]!
  }
  const bias = Float32Array.from(from, (column) => product.bias?.data[column] ?? 0)
  const name = `${result.target} (attention)`
  return {
    node: {
      name,
      op: 'Attention',
      domain: 'com.microsoft',
      inputs: [product.tokens, `${name} weight`, `${name} bias`],
      outputs: [result.target],
      attributes: { num_heads: { kind: 'int', value: heads }, scale: { kind: 'float', value: scale } },
    },
    initializers: [
      [`${name} weight`, float32(weight, [inputs, from.length])],
      [`${name} bias`, float32(bias)],
    ],
  }
}

interface Size {
  readonly images: number
  /** Tokens of an image. */
  readonly count: number
  readonly heads: number
  readonly perHead: number
}

/**
 * From which column of its product each value of each head comes; undefined unless it is the same for all tokens and the values lie as
 * [images, heads, count, perHead], or [images, heads, perHead, count] where it is transposed.
 */
function columnsOf(
  moved: Float32Array | undefined,
  width: number,
  size: Size,
  transposed: boolean,
): readonly number[] | undefined {
  const { images, count, heads, perHead } = size
  if (moved?.length !== images * count * heads * perHead) return undefined
  const at = (image: number, head: number, token: number, i: number) => {
    const start = (image * heads + head) * count * perHead
    return moved[start + (transposed ? i * count + token : token * perHead + i)]!
  }
  const columns = Array.from({ length: heads * perHead }, (_, c) => at(0, Math.floor(c / perHead), 0, c % perHead))
  return everyValue(
    size,
    (image, head, token, i) =>
      at(image, head, token, i) === (image * count + token) * width + columns[head * perHead + i]!,
  )
    ? columns
    : undefined
}

/** Whether the heads' results [images, heads, count, perHead] came to lie side by side, as [images, count, heads * perHead]. */
function isJoined(moved: Float32Array | undefined, size: Size): boolean {
  const { images, count, heads, perHead } = size
  return (
    moved?.length === images * count * heads * perHead &&
    everyValue(
      size,
      (image, head, token, i) =>
        moved[((image * count + token) * heads + head) * perHead + i] ===
        ((image * heads + head) * count + token) * perHead + i,
    )
  )
}

function everyValue(
  { images, count, heads, perHead }: Size,
  test: (image: number, head: number, token: number, i: number) => boolean,
): boolean {
  for (let image = 0; image < images; image++) {
    for (let head = 0; head < heads; head++) {
      for (let token = 0; token < count; token++) {
        for (let i = 0; i < perHead; i++) if (!test(image, head, token, i)) return false
      }
    }
  }
  return true
}
