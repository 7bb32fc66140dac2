import { createGraphBuilder } from '../../builder/create-graph-builder.js'
import type { AttributeValues, NodeOptions } from '../../builder/node-builder.js'
import type { Probe } from '../../gradient/probe.js'
import type { Node, OnnxModel } from '../../model/model.js'
import { float32, type Tensor } from '../../model/tensor.js'
import { producers } from '../needed-nodes.js'
import { type Added, addedBias } from './added-bias.js'
import type { Case, Sizes } from './case.js'
import type { Attention, Chain, Link } from './find-attentions.js'
import { type Columns, columnsOf, type Layout, type Size, sameValues } from './layouts.js'
import { movedPositions, type Positions } from './moved-positions.js'
import { type Product, productOf } from './products.js'

/** What stands in the place of an attention. */
export interface Fused {
  readonly nodes: readonly Node[]
  readonly initializers: ReadonlyMap<string, Tensor>
  /** The tensor that the last node makes. */
  readonly result: string
  /** What need not be computed any more. */
  readonly instead: readonly string[]
}

interface Result {
  readonly tensor: string
  readonly layout: Layout
}

interface Reading {
  readonly sizes: Sizes
  readonly result: Result
}

/** The nodes that compute an attention in one; undefined where no operator of the runtime fits. */
export async function fuse(
  model: OnnxModel,
  attention: Attention,
  found: Probe,
  batch: number,
): Promise<Fused | undefined> {
  const { shapes } = found
  const { queries, keys, values, results } = attention
  const chains = [queries, keys, values]
  const laid = results.slice(1).filter((name) => [2, 3].includes(shapes.get(name)!.length))
  const positions = await movedPositions(
    model,
    found,
    new Set([...chains.map((chain) => chain.at(-1)!.tensor), results[0]]),
    new Set([...chains.flatMap((chain) => chain.map(({ tensor }) => tensor)), ...laid]),
  )
  if (!positions) return undefined
  for (const { sizes, result } of readings(attention, found, positions, laid)) {
    const g = createGraphBuilder({ opset: model.opset[''] ?? 17, prefix: `${result.tensor} (attention) ` })
    const instead = attend(model, { g, attention, found, positions, sizes, batch }, result)
    if (!instead) continue
    const { nodes, initializers } = g.graph()
    return { nodes, initializers, result: result.tensor, instead }
  }
  return undefined
}

/** How many heads there may be, and where their results lie side by side: [N, H, T, E] says so, of [N H, T, E] the results tell. */
function readings(
  { queries, keys, values, results }: Attention,
  { shapes }: Probe,
  positions: Positions,
  laid: readonly string[],
): Reading[] {
  const [q, k, v] = [queries, keys, values].map((chain) => shapes.get(chain[0].tensor)!) as [
    number[],
    number[],
    number[],
  ]
  const outer = q.slice(0, -2).join()
  if (k.slice(0, -2).join() !== outer || v.slice(0, -2).join() !== outer || q.length < 3 || q.length > 4) return []
  const [tokens, each] = q.slice(-2) as [number, number]
  const [others, perValue] = v.slice(-2) as [number, number]
  const sizesOf = (images: number, heads: number): Sizes => ({
    queries: { images, heads, tokens, each },
    keys: { images, heads, tokens: others, each },
    values: { images, heads, tokens: others, each: perValue },
  })
  const whole = { positions: positions.get(results[0])!, layout: 'heads' } as const
  const [images, knownHeads] = q.length === 4 ? (q as [number, number]) : [q[0]!, undefined]
  const found = laid.flatMap((tensor): Reading[] => {
    const heads = knownHeads ?? shapes.get(tensor)!.at(-1)! / perValue
    const ofHead = knownHeads === undefined ? images / heads : images
    if (shapes.get(tensor)!.at(-1) !== heads * perValue || !Number.isInteger(ofHead)) return []
    const size = { images: ofHead, heads, tokens, each: perValue }
    return (['tokens', 'sequence'] as const)
      .filter((layout) => sameValues(whole, { positions: positions.get(tensor)!, layout }, size))
      .map((layout) => ({ sizes: sizesOf(ofHead, heads), result: { tensor, layout } }))
  })
  const asItIs: Reading = { sizes: sizesOf(images, knownHeads ?? 1), result: { tensor: results[0], layout: 'heads' } }
  // What is taken for one head may be several among the images.
  return [...found.toSorted((a, b) => b.sizes.queries.heads - a.sizes.queries.heads), asItIs]
}

/** Builds the node. Returns what it makes superfluous. */
function attend(model: OnnxModel, of: Case, result: Result): readonly string[] | undefined {
  const added = addedBias(of)
  if (added === false) return undefined
  return ofProducts(model, of, added, result) ?? ofOperands(of, added, result)
}

/** An `Attention`, which makes queries, keys and values of the tokens. */
function ofProducts(model: OnnxModel, of: Case, added: Added, result: Result): readonly string[] | undefined {
  const { g, attention, found, positions, sizes } = of
  if (attention.headFactors !== undefined) return undefined
  const made = producers(model.graph.nodes)
  const [q, k, v] = (['queries', 'keys', 'values'] as const).map((name) => {
    const chain = attention[name]
    const product = productOf(chain.at(-1)!.tensor, made, found)
    const operand = { positions: positions.get(chain[0].tensor)!, layout: LAID[name] }
    const columns = product && columnsOf(operand, product.weight.shape[1]!, sizes[name])
    return columns && { product, ...columns }
  })
  const sources = [attention.queries, attention.keys, attention.values].map((chain) => chain.at(-1)!)
  const scale = wholeScale(attention, sources[0]!, sources[1]!)
  if (!q || !k || !v || scale === undefined || sources[2]!.scale !== 1) return undefined
  if ([k, v].some(({ product, rows }) => product.tokens !== q.product.tokens || rows !== q.rows)) return undefined
  const tokens = tokensOf(of, q.product, q.rows)
  const bias = biasOf(of, added, tokens)
  const { weight, shift } = joined([q, k, v])
  const width = q.columns.length
  place(of, result, 'Attention', [tokens, g.constant(weight), g.constant(shift), '', '', bias], {
    scale,
    qkv_hidden_sizes: [width, width, v.columns.length],
  })
  return [attention.scores, ...sources.map(({ tensor }) => tensor)]
}

/** A `MultiHeadAttention`, which gets queries [N, T, H E], keys and values [N, H, T, E]. */
function ofOperands(of: Case, added: Added, result: Result): readonly string[] | undefined {
  const { g, attention, found, sizes } = of
  // Where the result has to be brought back, as for attention between channels, nothing is gained (measured on XCiT).
  if (result.layout === 'heads') return undefined
  const { heads, each } = sizes.queries
  const queries = headsOf(of, 'queries')
  const keys = headsOf(of, 'keys')
  const values = headsOf(of, 'values')
  const scale = wholeScale(attention, queries, keys)
  if (scale === undefined) return undefined
  const perHead = (link: Link, { tokens, each }: Size) =>
    found.shapes.get(link.tensor)?.length === 4 ? link.tensor : g.reshape(link.tensor, [-1, heads, tokens, each])
  const sideBySide = (tensor: string, { tokens, each }: Size) =>
    g.reshape(g.transpose(tensor, [0, 2, 1, 3]), [-1, tokens, heads * each])
  let query = perHead(queries, sizes.queries)
  if (attention.headFactors !== undefined) {
    const fits =
      found.shapes.get(attention.scores)!.length === 4 && found.shapes.get(attention.headFactors)!.length <= 4
    if (!fits) return undefined
    query = g.mul(query, attention.headFactors)
  }
  query = sideBySide(query, sizes.queries)
  const others = (
    [
      [keys, sizes.keys],
      [values, sizes.values],
    ] as const
  ).map(([link, size]) => {
    const apart = perHead(link, size)
    // Keys and values of different widths are taken side by side only.
    return each === sizes.values.each ? apart : sideBySide(apart, size)
  })
  place(of, result, 'MultiHeadAttention', [query, ...others, '', '', biasOf(of, added, query)], { scale })
  return [attention.scores]
}

/** The bias as the operators take it, [N or 1, H or 1, T, T'], where `batched` is a tensor whose first dimension is N. */
function biasOf({ g }: Case, added: Added, batched: string): string | undefined {
  if (!added) return undefined
  const [windows, ...rest] = added.shape as [number, ...number[]]
  if (windows === 1) return g.constant(added)
  const count = g.slice(g.shape(batched), [0], [1], [0])
  const shape = g.concat([g.div(count, g.integers([windows])), g.integers(added.shape)], 0)
  return g.reshape(g.expand(g.constant(added), shape), [-1, ...rest])
}

/** How the operands of an attention lie. */
const LAID = { queries: 'heads', keys: 'transposed', values: 'heads' } as const

/** The operators take positive numbers alone: zero stands for their default. */
function wholeScale({ scale }: Attention, queries: Link, keys: Link): number | undefined {
  const whole = scale * queries.scale * keys.scale
  return whole > 0 && Number.isFinite(whole) ? whole : undefined
}

/** The tensor on an operand's way that lies as [N, H, T, E], before scaling where that is possible. */
function headsOf({ g, attention, found, positions, sizes }: Case, name: keyof typeof LAID): Link {
  const chain: Chain = attention[name]
  const { heads, tokens, each } = sizes[name]
  const laid = ({ tensor, scale }: Link) => {
    const shape = found.shapes.get(tensor)!
    const [operand, moved] = [positions.get(chain[0].tensor)!, positions.get(tensor)!]
    return (
      (scale === 1 || name !== 'values') &&
      (shape.length === 4 ? shape[1] === heads : shape.length === 3) &&
      shape.slice(-2).join() === [tokens, each].join() &&
      sameValues({ positions: operand, layout: LAID[name] }, { positions: moved, layout: 'heads' }, sizes[name])
    )
  }
  const link = chain.findLast(laid)
  if (link) return link
  // Keys that come transposed.
  const { tensor } = chain[0]
  return { tensor: g.transpose(g.reshape(tensor, [-1, heads, each, tokens]), [0, 1, 3, 2]), scale: 1 }
}

/** Tokens as [N, T, D]. */
function tokensOf({ g, found, sizes }: Case, { tokens }: Product, rows: Columns['rows']): string {
  const { images, tokens: count } = sizes.queries
  const shape = found.shapes.get(tokens)!
  const width = shape.at(-1)!
  const is = (...dims: number[]) => shape.join() === [...dims, width].join()
  if (rows === 'tokens') return is(images, count) ? tokens : g.reshape(tokens, [-1, count, width])
  return g.transpose(is(count, images) ? tokens : g.reshape(tokens, [count, -1, width]), [1, 0, 2])
}

/** Columns of several products side by side. */
function joined(parts: readonly (Columns & { readonly product: Product })[]) {
  const inputs = parts[0]!.product.weight.shape[0]!
  const width = parts.reduce((sum, { columns }) => sum + columns.length, 0)
  const weight = new Float32Array(inputs * width)
  const shift = new Float32Array(width)
  let start = 0
  for (const { product, columns } of parts) {
    const from = product.weight.shape[1]!
    columns.forEach((column, i) => {
      for (let row = 0; row < inputs; row++) {
        weight[row * width + start + i] = product.weight.data[row * from + column]!
      }
      shift[start + i] = product.bias?.data[column] ?? 0
    })
    start += columns.length
  }
  return { weight: float32(weight, [inputs, width]), shift: float32(shift) }
}

/** Adds the node, and what brings its result [N, T, H E] to where the attention's lies. */
function place(
  { g, found, sizes }: Case,
  { tensor, layout }: Result,
  op: string,
  inputs: readonly (string | undefined)[],
  attributes: AttributeValues,
): void {
  const { heads, each } = sizes.values
  const { tokens } = sizes.queries
  const width = heads * each
  const rank = found.shapes.get(tensor)!.length
  const given = inputs.map((input) => input ?? '')
  while (given.at(-1) === '') given.pop()
  const outputs = [tensor]
  const attend = (options: NodeOptions) =>
    g.node(op, given, { num_heads: heads, ...attributes }, { ...options, domain: 'com.microsoft' })
  if (layout === 'tokens' && rank === 3) attend({ outputs })
  else if (layout === 'tokens') g.node('Reshape', [attend({}), g.integers([-1, width])], {}, { outputs })
  else if (layout === 'heads') {
    const apart = g.transpose(g.reshape(attend({}), [0, 0, heads, each]), [0, 2, 1, 3])
    g.node('Reshape', [apart, g.integers(rank === 4 ? [-1, heads, tokens, each] : [-1, tokens, each])], {}, { outputs })
  } else if (rank === 3) g.node('Transpose', [attend({})], { perm: [1, 0, 2] }, { outputs })
  else {
    const sequence = g.transpose(attend({}), [1, 0, 2])
    g.node('Reshape', [sequence, g.integers([-1, width])], {}, { outputs })
  }
}
