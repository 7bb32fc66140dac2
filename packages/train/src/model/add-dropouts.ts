import { LookalikeError, type Random } from '@lookalike/core'
import { type Feeds, float32, type Graph, int64, type Node, type OnnxModel, type ValueInfo } from '@lookalike/onnx'
import { freeName, HEAD } from './add-head.js'

export interface DropoutOptions {
  /** Highest share of the images for which a residual branch is left out, 0 to 1: that of the last block. 0: no branch ever is. */
  readonly dropPath: number
  /** Share of the values in front of the head that are left out, 0 to 1. */
  readonly dropout: number
  /** Blocks that lie in front of this model and were cut off: they count for what the others' shares are. Default 0. */
  readonly blocksBefore?: number | undefined
}

/** A network for training, of which parts are left out at random. As long as everything is fed with ones, it computes what it computed before. */
export interface DropoutModel {
  readonly model: OnnxModel
  /** The inputs that were added, for so many images: what is left out is 0, and the rest larger, so that the mean stays. Without `random` nothing is left out. */
  feeds(rows: number, random?: Random): Feeds
}

/**
 * Stochastic depth (Huang et al. 2016, arXiv 1603.09382): whole residual branches are left out, image by image, the share rising evenly from 0 at the first
 * block to `dropPath` at the last (as in timm); and dropout (Srivastava et al. 2014) in front of the head. Both are inputs of the graph, so what
 * goes back is what went forward, chunk by chunk too.
 *
 * @throws `train/no-branches` where the network has no residual branches, `train/no-head` where it has no head to drop values of.
 */
export function addDropouts(source: OnnxModel, { dropPath, dropout, blocksBefore = 0 }: DropoutOptions): DropoutModel {
  let { graph } = source
  const masks: { readonly name: string; readonly width: number; readonly shares: readonly number[] }[] = []
  if (dropPath > 0) {
    const branches = residualBranches(source)
    if (branches.length === 0) throw noBranches()
    const name = freeName(source, 'lookalike.drop_path')
    const last = blocksBefore + branches.at(-1)!.block
    graph = masked(
      graph,
      branches.map(({ join, input, rank }, i) => ({ node: join, input, column: i, rank })),
      { name, type: 'float32', shape: ['N', branches.length] },
    )
    const shares = branches.map(({ block }) => (last === 0 ? dropPath : (dropPath * (blocksBefore + block)) / last))
    masks.push({ name, width: branches.length, shares })
  }
  if (dropout > 0) {
    const first = graph.nodes.find(({ inputs }) => inputs[1] === `${HEAD}0.weight`)
    if (!first) throw noHead()
    const name = freeName(source, 'lookalike.dropout')
    const width = graph.initializers.get(`${HEAD}0.weight`)!.shape[0]!
    graph = masked(graph, [{ node: first, input: 0 }], { name, type: 'float32', shape: ['N', width] })
    masks.push({ name, width, shares: Array.from({ length: width }, () => dropout) })
  }
  return {
    model: { ...source, graph },
    feeds: (rows, random) =>
      Object.fromEntries(
        masks.map(({ name, width, shares }) => [name, float32(drawn(rows, shares, random), [rows, width])]),
      ),
  }
}

function drawn(rows: number, shares: readonly number[], random: Random | undefined): Float32Array {
  const data = new Float32Array(rows * shares.length).fill(1)
  if (!random) return data
  for (let i = 0; i < data.length; i++) {
    const share = shares[i % shares.length]!
    data[i] = random.next() < share ? 0 : 1 / (1 - share)
  }
  return data
}

interface Branch {
  /** The addition that joins it with what went past it. */
  readonly join: Node
  /** Which of the addition's inputs it is. */
  readonly input: 0 | 1
  /** Number of the block, from 0. */
  readonly block: number
  /** Dimensions of what is added. */
  readonly rank: 3 | 4
}

/** Blocks of a network, by its residual branches. */
export const countBlocks = (model: OnnxModel): number => (residualBranches(model).at(-1)?.block ?? -1) + 1

/** `x + f(x)`, f with weights: in the order of the graph. A transformer's block has two, the first with its attention. */
function residualBranches({ graph }: OnnxModel): Branch[] {
  const moving = new Set(graph.inputs.map(({ name }) => name))
  const maker = new Map<string, Node>()
  const branches: Branch[] = []
  let block = -1
  for (const node of graph.nodes) {
    const live = node.inputs.filter((name) => moving.has(name))
    if (live.length > 0) for (const name of node.outputs) moving.add(name)
    for (const name of node.outputs) maker.set(name, node)
    if (node.op !== 'Add' || live.length !== 2 || live[0] === live[1]) continue
    const found = ([0, 1] as const).flatMap((input) => {
      const inside = between(live[1 - input]!, live[input]!, maker, moving)
      return inside?.some((one) => hasWeights(one, moving)) ? [{ input, inside }] : []
    })[0]
    if (!found) continue
    const ops = new Set(found.inside.map(({ op }) => op))
    const attends = ops.has('Softmax') || ops.has('Attention') || ops.has('MultiHeadAttention')
    if (block < 0 || attends || ops.has('Conv')) block++
    branches.push({ join: node, input: found.input, block, rank: ops.has('Conv') ? 4 : 3 })
  }
  return branches
}

/** The nodes on the way from one tensor to another; undefined where none leads there. */
function between(
  from: string,
  to: string,
  maker: ReadonlyMap<string, Node>,
  moving: ReadonlySet<string>,
): Node[] | undefined {
  const seen = new Set<Node>()
  let reached = false
  const queue = [to]
  while (queue.length > 0) {
    const name = queue.pop()!
    if (name === from) {
      reached = true
      continue
    }
    const node = maker.get(name)
    if (!node || seen.has(node)) continue
    seen.add(node)
    queue.push(...node.inputs.filter((input) => moving.has(input)))
  }
  return reached ? [...seen] : undefined
}

const hasWeights = ({ op, inputs }: Node, moving: ReadonlySet<string>): boolean =>
  (op === 'MatMul' || op === 'Gemm' || op === 'Conv' || op === 'Attention') && inputs.some((name) => !moving.has(name))

/** What is multiplied with a mask: an input of a node, by the whole mask, or by one of its columns as `[N, 1, ...]`. */
interface Masked {
  readonly node: Node
  readonly input: number
  readonly column?: number
  readonly rank?: 3 | 4
}

function masked(graph: Graph, places: readonly Masked[], mask: ValueInfo): Graph {
  const initializers = new Map(graph.initializers)
  const byNode = new Map(places.map((place) => [place.node, place]))
  const plain = (op: string, inputs: readonly string[], output: string, attributes: Node['attributes'] = {}): Node => ({
    name: output,
    op,
    domain: '',
    inputs,
    outputs: [output],
    attributes,
  })
  const nodes = graph.nodes.flatMap((node): Node[] => {
    const place = byNode.get(node)
    if (!place) return [node]
    const { input, column, rank = 3 } = place
    const made: Node[] = []
    let factor = mask.name
    if (column !== undefined) {
      const [number, shape, picked, factorName] = ['number', 'shape', 'picked', 'factor'].map(
        (part) => `${mask.name}.${column}.${part}`,
      ) as [string, string, string, string]
      initializers.set(number, int64([column], []))
      initializers.set(shape, int64([-1, ...Array.from({ length: rank - 1 }, () => 1)]))
      made.push(plain('Gather', [mask.name, number], picked, { axis: { kind: 'int', value: 1 } }))
      made.push(plain('Reshape', [picked, shape], factorName))
      factor = factorName
    }
    const product = `${mask.name}.${column ?? 'all'}.kept`
    made.push(plain('Mul', [node.inputs[input]!, factor], product))
    return [...made, { ...node, inputs: node.inputs.map((name, i) => (i === input ? product : name)) }]
  })
  return { ...graph, nodes, initializers, inputs: [...graph.inputs, mask] }
}

function noBranches(): LookalikeError {
  return new LookalikeError('train/no-branches', {
    problem: 'dropPath was set, and the network has no residual branches that could be left out',
    expected: 'a transformer or a residual network; with cacheFrozen, one with a trained block',
    fix: 'Set dropPath to 0.',
  })
}

function noHead(): LookalikeError {
  return new LookalikeError('train/no-head', {
    problem: 'dropout was set, and there is no head whose input it could thin out',
    expected: 'the option "head"',
    fix: 'Add a head, or set dropout to 0.',
  })
}
