import { LookalikeError } from '@lookalike/core'
import type { Graph, Grid, OnnxModel, TensorOf } from '@lookalike/onnx'
import { bottlenecks, shapesInside, withoutConstantNodes } from './graph-tools.js'

/** A transformer on patches, as far as pairing needs to know it. */
export interface ExaminedVit {
  readonly kind: 'vit'
  readonly model: OnnxModel
  /** Length of a token. */
  readonly dim: number
  /** `[N, tokens, dim]` after block m, for m = 0 (positions added, no block yet) to L. The last one is behind the final norm. */
  readonly afterBlock: readonly { readonly tensor: string; readonly tokens: number }[]
  /** How the encoder reads its embedding out. */
  readonly reads: 'class-token' | 'mean'
  readonly positions?: VitPositions | undefined
}

export interface VitPositions {
  /** The initializer, `[1, n, dim]` or `[n, dim]`. */
  readonly name: string
  readonly values: TensorOf<'float32'>
  /** The tensor right after the positions were added, `[N, prefix + patches, dim]`. */
  readonly added: string
  /** Tokens of `added` in front of the patches. */
  readonly prefix: number
  /** Rows of the initializer in front of the patches'. */
  readonly ownPrefix: number
  readonly grid: Grid
}

/** A network that ends in a map of features. */
export interface ExaminedMap {
  readonly kind: 'map'
  readonly model: OnnxModel
  readonly tensor: string
  readonly layout: 'nchw' | 'nhwc'
  readonly channels: number
  readonly grid: Grid
}

/**
 * Finds where an encoder can be cut: between the blocks of a transformer, or at the last feature map of any other network.
 *
 * @param size the encoder's input in pixels
 * @param grid the last feature map with at least so many rows and columns is taken; default: the last one
 * @throws `pair/encoder` when it has neither tokens nor a feature map.
 */
export async function examineEncoder(
  source: OnnxModel,
  output: string,
  size: { readonly width: number; readonly height: number },
  grid?: number,
): Promise<ExaminedVit | ExaminedMap> {
  const model = withoutConstantNodes(source)
  const names = bottlenecks(model.graph, output)
  // Two images show which dimension is the batch.
  const shapes = await shapesInside(model, [2, 3, size.height, size.width], names)
  const blocks = countSoftmax(model.graph, names)
  const tokens = names.flatMap((tensor, i) => {
    const shape = shapes.get(tensor)!
    return shape.length === 3 && shape[0] === 2 && shape[1]! > 1
      ? [{ tensor, tokens: shape[1]!, dim: shape[2]!, blocks: blocks[i]! }]
      : []
  })
  const depth = blocks.at(-1) ?? 0
  if (depth > 0 && tokens.some((cut) => cut.blocks === depth)) return vit(model, output, tokens, depth, size)

  const maps = names.flatMap((tensor) => {
    const shape = shapes.get(tensor)!
    return shape.length === 4 && shape[0] === 2 && tensor !== model.graph.inputs[0]!.name
      ? [{ tensor, ...mapLayout(shape as [number, number, number, number]) }]
      : []
  })
  const edge = ({ grid: { rows, columns } }: (typeof maps)[number]) => Math.min(rows, columns)
  const map = maps.findLast((one) => (grid === undefined ? one.grid.rows * one.grid.columns > 1 : edge(one) >= grid))
  if (map !== undefined) return { kind: 'map', model, ...map }
  if (grid !== undefined && maps.length > 0) {
    throw new LookalikeError(
      'pair/cut',
      {
        problem: `No feature map of this encoder has ${grid} rows and columns`,
        expected: `at most ${Math.max(...maps.map(edge))}`,
        fix: 'Set "grid" to less, or leave it out: then the last map is taken.',
      },
      { fields: { grid } },
    )
  }
  throw new LookalikeError(
    'pair/encoder',
    {
      problem:
        'No pair model can be made of this encoder: nowhere do all its signals pass through tokens [N, tokens, dim] or a feature map [N, channels, height, width]',
      expected: 'a vision transformer, or a network that ends in a feature map before its pooling',
      fix: 'Export the model without fused or shape-changing post-processing, or use another encoder for reranking.',
    },
    { fields: { output, bottlenecks: names.length } },
  )
}

function mapLayout([, a, b, c]: readonly [number, number, number, number]): Pick<
  ExaminedMap,
  'layout' | 'channels' | 'grid'
> {
  return a === b && c !== b
    ? { layout: 'nhwc', channels: c, grid: { rows: a, columns: b } }
    : { layout: 'nchw', channels: a, grid: { rows: b, columns: c } }
}

/** How many attentions lie before each of the tensors. */
function countSoftmax(graph: Graph, names: readonly string[]): number[] {
  const index = new Map(names.map((name, i) => [name, i]))
  const counts = names.map(() => 0)
  let count = 0
  for (const node of graph.nodes) {
    if (node.op === 'Softmax' || node.op === 'Attention' || node.op === 'MultiHeadAttention') count++
    for (const output of node.outputs) {
      const i = index.get(output)
      if (i !== undefined) counts[i] = count
    }
  }
  return counts
}

interface TokenCut {
  readonly tensor: string
  readonly tokens: number
  readonly dim: number
  readonly blocks: number
}

function vit(
  model: OnnxModel,
  output: string,
  cuts: readonly TokenCut[],
  depth: number,
  size: { readonly width: number; readonly height: number },
): ExaminedVit {
  // Patches alone, sliced off to be averaged, are no longer the tokens that the blocks work on.
  const { tokens } = cuts.find(({ blocks }) => blocks === depth)!
  const last = cuts.findLast((cut) => cut.blocks === depth && cut.tokens === tokens)!
  const { dim } = last
  const afterBlock = Array.from({ length: depth + 1 }, (_, m) =>
    m === depth ? last : cuts.findLast((cut) => cut.blocks === m && cut.dim === dim),
  )
  const missing = afterBlock.findIndex((cut) => cut === undefined)
  if (missing >= 0) {
    throw new LookalikeError(
      'pair/encoder',
      {
        problem: `The encoder's ${depth} attentions are not ${depth} blocks one after another: after ${missing} of them its signals do not pass through one tensor of tokens`,
        expected: 'a plain vision transformer',
        fix: 'Use another encoder for reranking.',
      },
      { fields: { blocks: depth, missing } },
    )
  }
  const positions = findPositions(model.graph, cuts, dim, size)
  const tail = cutGraphNodes(model.graph, last.tensor, output)
  return {
    kind: 'vit',
    model,
    dim,
    afterBlock: afterBlock.map((cut) => ({ tensor: cut!.tensor, tokens: cut!.tokens })),
    reads: tail.some((op) => op === 'ReduceMean' || op === 'GlobalAveragePool') ? 'mean' : 'class-token',
    positions,
  }
}

/** Operators behind a tensor. */
function cutGraphNodes(graph: Graph, from: string, output: string): string[] {
  const reached = new Set([from])
  const ops: string[] = []
  for (const node of graph.nodes) {
    if (!node.inputs.some((name) => reached.has(name))) continue
    for (const name of node.outputs) reached.add(name)
    ops.push(node.op)
    if (node.outputs.includes(output)) break
  }
  return ops
}

/** The table that is added to the patches' tokens, if it can be recognised: a weight with one row a patch, plus a few for leading tokens. */
function findPositions(
  graph: Graph,
  cuts: readonly TokenCut[],
  dim: number,
  { width, height }: { width: number; height: number },
): VitPositions | undefined {
  const before = cuts.filter(({ blocks }) => blocks === 0)
  for (const [name, tensor] of graph.initializers) {
    const rows =
      tensor.shape.length === 3 && tensor.shape[0] === 1
        ? tensor.shape[1]!
        : tensor.shape.length === 2
          ? tensor.shape[0]!
          : 0
    if (tensor.type !== 'float32' || tensor.shape.at(-1) !== dim || rows < 2) continue
    const added = additionOf(graph, name, new Set(before.map((cut) => cut.tensor)))
    const cut = before.find(({ tensor: candidate }) => candidate === added)
    const grid = gridOf(rows, width, height)
    if (!cut || !grid) continue
    const patches = grid.rows * grid.columns
    return { name, values: tensor, added: cut.tensor, prefix: cut.tokens - patches, ownPrefix: rows - patches, grid }
  }
  return undefined
}

/** The first of `targets` that adds what is made of the initializer alone to what is made of the image. */
function additionOf(graph: Graph, name: string, targets: ReadonlySet<string>): string | undefined {
  const made = new Set([name])
  const flowing = new Set(graph.inputs.map((input) => input.name))
  for (const node of graph.nodes) {
    const moving = node.op !== 'Shape' && node.inputs.some((input) => flowing.has(input))
    const ours = node.inputs.some((input) => made.has(input))
    if (moving) {
      for (const output of node.outputs) flowing.add(output)
      if (ours) return node.op === 'Add' && targets.has(node.outputs[0]!) ? node.outputs[0]! : undefined
    } else if (ours) {
      for (const output of node.outputs) made.add(output)
    }
  }
  return undefined
}

/** The patches that tile the image so that at most a few rows are left for leading tokens. */
function gridOf(rows: number, width: number, height: number): Grid | undefined {
  for (let patch = 1; patch <= Math.min(width, height); patch++) {
    if (width % patch || height % patch) continue
    const grid = { rows: height / patch, columns: width / patch }
    const left = rows - grid.rows * grid.columns
    if (left >= 0 && left <= 8) return grid
  }
  return undefined
}
