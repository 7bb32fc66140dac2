import { createRandom, LookalikeError, type Preprocessing } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  cutGraph,
  float32,
  type GraphBuilder,
  type Grid,
  type OnnxModel,
  readModel,
  resizeGrid,
  sizeOf,
  type Tensor,
  TO_END,
  trainableInitializers,
} from '@lookalike/onnx'
import { type ExaminedMap, type ExaminedVit, examineEncoder, type VitPositions } from './examine-encoder.js'
import { shapesInside } from './graph-tools.js'
import { addPositions, type Layers, layerNorm, linear, transformerBlock } from './layers.js'
import { pairPart } from './pair-parts.js'
import { NAMES, type PairSpec, pairEntry } from './pair-spec.js'

/**
 * The pair model of STIR (Shabanov, Tarasov, Nikolenko 2023, arXiv 2304.13393), and its late-fusion variants, which are ours.
 */
export interface PairModelOptions {
  /**
   * Blocks of a transformer that each image goes through alone. 0 is the paper: the two images stacked into one. `late`: the last quarter of
   * the blocks sees the pair (ours). As many as there are: only the head sees the pair. Networks that end in a feature map always fuse there. Default `late`.
   */
  readonly fusion?: number | 'late' | undefined
  /** How the paper's model stacks the images: query on top of the candidate, or to its left. Default `vertical`. */
  readonly direction?: 'vertical' | 'horizontal' | undefined
  /** Adds the encoder's own distance to the logit, so that the untrained model ranks as the encoder does (ours). Default: unless `fusion` is 0. */
  readonly stageOne?: boolean | undefined
  /** Fuses such networks at the last map with at least so many rows and columns. Default: at their last map. */
  readonly grid?: number | undefined
  /** New transformer blocks on the pair's tokens, for networks that end in a feature map. Default 2 (ours). */
  readonly blocks?: number | undefined
  /** Length of those blocks' tokens; a multiple of 64. Default 192 (ours). */
  readonly dim?: number | undefined
  /** Of the new weights. Default 0. */
  readonly seed?: number | undefined
}

export interface PairModel {
  /** `query`, `candidate` [N, 3, H, W] to `different` [N, 1], the probability that the two show different things. */
  readonly model: OnnxModel
  readonly spec: PairSpec
  /** New weights that the paper trains first, alone. */
  readonly head: readonly string[]
  /** Every weight of the part that sees the pair, and in the paper's model of the patch embedding. */
  readonly trainable: readonly string[]
}

export interface PairEncoder {
  readonly model: OnnxModel | Uint8Array
  /** The embedding's output. */
  readonly output: string
  readonly preprocessing: Preprocessing
}

/**
 * Weight of the encoder's distance in the logit until training chooses one, and the distance that counts as undecided. Not trained by gradients:
 * on hard pairs the encoder's distance is wrong by construction.
 */
const STAGE_ONE_SCALE = 10
const STAGE_ONE_MIDDLE = 0.5
/** Of first position vectors on tokens of standard deviation 1. */
const POSITION_STD = 0.3

/**
 * Makes an untrained pair model of an encoder.
 *
 * @throws `pair/encoder` when the network cannot be read as a transformer or a feature map, `pair/cut` when it cannot be cut at `fusion`,
 * `pair/positions` when `fusion` is 0 and no position embeddings are found.
 */
export async function buildPairModel(encoder: PairEncoder, options: PairModelOptions = {}): Promise<PairModel> {
  const { width, height } = encoder.preprocessing.crop
  const source = encoder.model instanceof Uint8Array ? readModel(encoder.model) : encoder.model
  const examined = await examineEncoder(source, encoder.output, { width, height }, options.grid)
  const { model } = examined
  const depth = examined.kind === 'vit' ? examined.afterBlock.length - 1 : 0
  const fusion = chooseFusion(options.fusion ?? 'late', examined, depth)
  const stageOne = options.stageOne ?? fusion !== 0
  const { direction = 'vertical', seed = 0 } = options

  const g = createGraphBuilder({ opset: Math.min(21, model.opset[''] ?? 0), name: 'pair' })
  const layers: Layers = { g, seed }
  const image = ['N', 3, height, width]
  const query = g.input(NAMES.query, 'float32', image)
  const candidate = g.input(NAMES.candidate, 'float32', image)
  const pixels = g.node('Concat', [query, candidate], { axis: 0 }, { outputs: [NAMES.pixels] })

  const cutAt =
    examined.kind === 'map'
      ? examined.tensor
      : fusion === 0
        ? positionsOf(examined).added
        : examined.afterBlock[fusion as number]!.tensor
  const front = cutGraph(model.graph, [], [{ name: cutAt }, ...(stageOne ? [{ name: encoder.output }] : [])])
  const alone = g.include(front, { [model.graph.inputs[0]!.name]: pixels })
  const tokens = examined.kind === 'map' ? mapTokens(g, alone[cutAt]!, examined) : alone[cutAt]!
  const shape: [number, number] =
    examined.kind === 'map'
      ? [examined.grid.rows * examined.grid.columns, examined.channels]
      : [
          fusion === 0
            ? examined.positions!.prefix + patchesOf(examined.positions!)
            : examined.afterBlock[fusion as number]!.tokens,
          examined.dim,
        ]
  const [queryTokens, candidateTokens] = halves(
    g,
    g.node('Identity', [tokens], {}, { outputs: [NAMES.tokens] }),
    shape,
    [NAMES.queryTokens, NAMES.candidateTokens],
  )

  const features =
    examined.kind === 'map'
      ? fuseMaps(layers, queryTokens, candidateTokens, examined, options)
      : fusion === 0
        ? stack(layers, queryTokens, candidateTokens, examined, direction)
        : fuseTokens(layers, queryTokens, candidateTokens, examined, fusion as number)
  let logit = pairHead(layers, features, stageOne)
  const embedding = stageOne ? await embeddingLength(model, encoder.output, width, height) : 0
  if (stageOne) logit = g.add(logit, stageOneTerm(g, alone[encoder.output]!, embedding))
  g.node('Identity', [logit], {}, { outputs: [NAMES.logit] })
  g.output(g.node('Sigmoid', [NAMES.logit], {}, { outputs: [NAMES.different] }), NAMES.different, { shape: ['N', 1] })

  const spec: PairSpec = {
    version: 1,
    fusion: examined.kind === 'map' ? 'map' : (fusion as number),
    direction,
    stageOne,
    width,
    height,
    tokens: shape,
    embedding,
  }
  const built = g.build({ 'lookalike.preprocessing': JSON.stringify(encoder.preprocessing), ...pairEntry(spec) })
  const pair: OnnxModel = {
    ...built,
    irVersion: Math.max(built.irVersion, model.irVersion),
    opset: { ...built.opset, ...model.opset },
    functions: model.functions,
  }
  await checkRuns(pair, spec, fusion)
  return {
    model: pair,
    spec,
    ...trainedNames(pair, spec, examined.kind === 'vit' ? examined.positions?.name : undefined),
  }
}

function chooseFusion(wanted: number | 'late', examined: ExaminedVit | ExaminedMap, depth: number): number | 'map' {
  const fail = (problem: string, expected: string) =>
    new LookalikeError(
      'pair/cut',
      { problem, expected, fix: 'Set "fusion" to "late" or to another number.' },
      { fields: { fusion: wanted, blocks: depth } },
    )
  if (examined.kind === 'map') {
    if (wanted === 'late') return 'map'
    throw fail(
      `The pair was to be fused after block ${wanted}, but this network has no transformer blocks`,
      '"late", which fuses the last feature maps',
    )
  }
  if (wanted === 'late') return depth === 1 ? 0 : Math.max(1, depth - Math.max(1, Math.round(depth / 4)))
  if (wanted <= depth) return wanted
  throw fail(
    `The pair was to be fused after block ${wanted}, but this transformer has ${depth} blocks`,
    `0 to ${depth}`,
  )
}

function positionsOf({ positions }: ExaminedVit): VitPositions {
  if (positions) return positions
  throw new LookalikeError('pair/positions', {
    problem:
      'Stacking images needs position embeddings for the taller picture, and none were recognised in this encoder',
    expected:
      'a float32 weight with one row a patch (and a few more for class tokens) that is added to the patches once, before the first block',
    fix: 'Set "fusion" to 1 or more, which needs none.',
  })
}

const patchesOf = ({ grid }: { readonly grid: Grid }) => grid.rows * grid.columns

/** A feature map as tokens, `[N, places, channels]`. */
function mapTokens(g: GraphBuilder, map: string, { layout, channels, grid }: ExaminedMap): string {
  if (layout === 'nhwc') return g.reshape(map, [0, patchesOf({ grid }), channels])
  return g.transpose(g.reshape(map, [0, channels, patchesOf({ grid })]), [0, 2, 1])
}

/** Queries and candidates went through as one batch, queries first. */
function halves(
  g: GraphBuilder,
  both: string,
  shape: readonly number[],
  names: readonly [string, string],
): [string, string] {
  const parts = g.split(g.reshape(both, [2, -1, ...shape]), [1, 1], 0)
  return parts.map((part, i) => g.node('Identity', [g.squeeze(part, [0])], {}, { outputs: [names[i]!] })) as [
    string,
    string,
  ]
}

/** The paper: the candidate's patches below (or right of) the query's, positions resized to the larger grid, all blocks on the pair. */
function stack(
  layers: Layers,
  query: string,
  candidate: string,
  vit: ExaminedVit,
  direction: 'vertical' | 'horizontal',
): Features {
  const { g } = layers
  const { dim } = vit
  const { prefix, ownPrefix, grid, values } = positionsOf(vit)
  const patches = patchesOf({ grid })
  const vertical = direction === 'vertical'
  const large = vertical
    ? { rows: 2 * grid.rows, columns: grid.columns }
    : { rows: grid.rows, columns: 2 * grid.columns }
  const below = g.slice(candidate, [prefix], [TO_END], [1])
  let joined: string
  if (vertical) {
    joined = g.concat([query, below], 1)
  } else {
    const asGrid = (x: string) => g.reshape(x, [0, grid.rows, grid.columns, dim])
    const beside = g.concat([asGrid(g.slice(query, [prefix], [TO_END], [1])), asGrid(below)], 2)
    const flat = g.reshape(beside, [0, 2 * patches, dim])
    joined = prefix === 0 ? flat : g.concat([g.slice(query, [0], [prefix], [1]), flat], 1)
  }
  // The tokens carry the small grid's positions already: what is added is the difference.
  const own = values.data.subarray(ownPrefix * dim)
  const resized = resizeGrid(own, dim, grid, large)
  const difference = new Float32Array((prefix + 2 * patches) * dim)
  for (let row = 0; row < large.rows; row++) {
    for (let column = 0; column < large.columns; column++) {
      const to = row * large.columns + column
      const from = (row % grid.rows) * grid.columns + (column % grid.columns)
      for (let d = 0; d < dim; d++) difference[(prefix + to) * dim + d] = resized[to * dim + d]! - own[from * dim + d]!
    }
  }
  const seen = throughBlocks(
    g,
    addPositions(layers, joined, difference, prefix + 2 * patches, dim),
    vit,
    positionsOf(vit).added,
  )
  const read =
    vit.reads === 'mean'
      ? g.reduceMean(g.slice(seen, [prefix], [TO_END], [1]), [1], false)
      : g.gather(seen, g.integers(0), 1)
  return { features: read, length: dim, hidden: Math.max(1, dim >> 1) }
}

/**
 * Both images' tokens after block m, one after the other, with a learned offset for each, through the remaining blocks. The head compares the images
 * token by token: what an encoder reads out of all tokens together, its own distance has judged already (ours).
 */
function fuseTokens(layers: Layers, query: string, candidate: string, vit: ExaminedVit, m: number): Features {
  const { g } = layers
  const { dim } = vit
  const { tensor, tokens } = vit.afterBlock[m]!
  const joined = addPositions(
    layers,
    g.concat([query, candidate], 1),
    new Float32Array(2 * tokens * dim),
    2 * tokens,
    dim,
  )
  return compare(layers, throughBlocks(g, joined, vit, tensor), tokens, dim)
}

function throughBlocks(g: GraphBuilder, joined: string, vit: ExaminedVit, from: string): string {
  const { tensor: final } = vit.afterBlock.at(-1)!
  if (from === final) return joined
  const late = cutGraph(vit.model.graph, [{ name: from }], [{ name: final }])
  const others = late.inputs.slice(1)
  if (others.length > 0) {
    throw new LookalikeError(
      'pair/cut',
      {
        problem: `The layers after ${from} still read ${others.map(({ name }) => name).join(', ')}, so the encoder cannot be cut there`,
        expected: 'layers that depend on the tokens alone',
        fix: 'Export the model with sizes taken from the tokens, or set "fusion" to another block.',
      },
      { fields: { from, reads: others.map(({ name }) => name) } },
    )
  }
  return g.include(late, { [from]: joined }, 'pair.late.')[final]!
}

/** New blocks on both images' last feature maps. */
function fuseMaps(
  layers: Layers,
  query: string,
  candidate: string,
  map: ExaminedMap,
  { blocks = 2, dim = 192 }: PairModelOptions,
): Features {
  const { g } = layers
  const places = patchesOf(map)
  const project = linear(layers, g.concat([query, candidate], 1), 'pair.project', map.channels, dim)
  let x = addPositions(
    layers,
    layerNorm(layers, project, 'pair.norm', dim),
    firstPositions(layers.seed, places, dim),
    2 * places,
    dim,
  )
  for (let i = 0; i < blocks; i++) x = transformerBlock(layers, x, `pair.blocks.${i}`, dim, Math.max(1, dim / 64))
  return compare(layers, x, places, dim)
}

/** A random vector for each place, the same in both images, and one for each image: attention can find the same place in the other image from the start. */
function firstPositions(seed: number, places: number, dim: number): Float32Array {
  const random = createRandom(`${seed}/pair.positions`)
  const draw = (length: number) => Float32Array.from({ length }, () => POSITION_STD * random.normal())
  const [place, image] = [draw(places * dim), draw(2 * dim)]
  return Float32Array.from(
    { length: 2 * places * dim },
    (_, i) => place[i % (places * dim)]! + image[Math.floor(i / (places * dim)) * dim + (i % dim)]!,
  )
}

interface Features {
  /** `[N, length]`, or with `places` `[N, places, length]`: then the head judges place by place, and what it found is averaged. */
  readonly features: string
  readonly places?: boolean | undefined
  readonly length: number
  /** Units of the head's hidden layer. */
  readonly hidden: number
}

/** What the query's and the candidate's tokens, one after the other in `x`, have in common place by place, and where they differ. */
function compare(layers: Layers, x: string, places: number, dim: number): Features {
  const { g } = layers
  const normed = layerNorm(layers, x, 'pair.final_norm', dim)
  const [a, b] = g.split(normed, [places, places], 1) as [string, string]
  const difference = g.sub(a, b)
  return {
    features: g.concat([g.mul(a, b), g.mul(difference, difference)], -1),
    places: true,
    length: 2 * dim,
    hidden: Math.max(1, dim >> 1),
  }
}

/** Linear, sigmoid, linear without bias (the paper's dropout between them is training's matter). With the encoder's term it starts at zero. */
function pairHead(layers: Layers, { features, places, length, hidden }: Features, zero: boolean): string {
  const { g } = layers
  const activated = g.node('Sigmoid', [linear(layers, features, 'pair.head.fc1', length, hidden)])
  const read = g.node(
    'Identity',
    [places ? g.reduceMean(activated, [1], false) : activated],
    {},
    { outputs: [NAMES.hidden] },
  )
  return linear(layers, read, 'pair.head.fc2', hidden, 1, { bias: false, zero })
}

/** `scale * (1 - cosine similarity - middle)`. */
function stageOneTerm(g: GraphBuilder, embeddings: string, length: number): string {
  const [a, b] = halves(
    g,
    g.node('Identity', [g.l2Normalise(embeddings)], {}, { outputs: [NAMES.embeddings] }),
    [length],
    [NAMES.queryEmbedding, NAMES.candidateEmbedding],
  )
  const distance = g.sub(g.floats(1), g.reduceSum(g.mul(a, b), [1]))
  return g.mul(
    g.sub(distance, g.initializer(NAMES.middle, float32([STAGE_ONE_MIDDLE]))),
    g.initializer(NAMES.scale, float32([STAGE_ONE_SCALE])),
  )
}

async function embeddingLength(model: OnnxModel, output: string, width: number, height: number): Promise<number> {
  const known = model.graph.outputs.find(({ name }) => name === output)?.shape?.[1]
  if (typeof known === 'number') return known
  return (await shapesInside(model, [2, 3, height, width], [output])).get(output)![1]!
}

/** Layers written for a fixed number of tokens show only when they run. */
async function checkRuns(model: OnnxModel, spec: PairSpec, fusion: number | 'map'): Promise<void> {
  const part = pairPart(model, spec, NAMES.logit)
  try {
    const session = await createSession(part, { optimisation: 'basic', threads: 1 })
    try {
      const feeds = Object.fromEntries(
        part.graph.inputs.map(({ name, type, shape }): [string, Tensor] => {
          const dims = [2, ...shape!.slice(1).map(Number)]
          return [
            name,
            type === 'float16'
              ? { type, shape: dims, data: new Uint16Array(sizeOf(dims)) }
              : { type: 'float32', shape: dims, data: new Float32Array(sizeOf(dims)) },
          ]
        }),
      )
      await session.run(feeds)
    } finally {
      await session.dispose()
    }
  } catch (cause) {
    throw new LookalikeError(
      'pair/cut',
      {
        problem: `The encoder's later layers do not take the tokens of two images: ${cause instanceof Error ? cause.message : String(cause)}`,
        expected: 'layers that take any number of tokens',
        fix: 'Export the model with a variable number of tokens (dynamic axes), or use another encoder for reranking.',
      },
      { fields: { fusion }, cause },
    )
  }
}

/** Weights that training may change. What the encoder's own distance comes from stays as it is, and so do positions that the pair's replace. */
function trainedNames(
  model: OnnxModel,
  spec: PairSpec,
  positions: string | undefined,
): { head: string[]; trainable: string[] } {
  const frozen = new Set<string | undefined>([positions, NAMES.scale, NAMES.middle])
  const stacked = spec.fusion === 0 && !spec.stageOne
  const part = stacked ? cutModel(model, NAMES.logit) : pairPart(model, spec, NAMES.logit)
  const trainable = trainableInitializers(part).filter((name) => !frozen.has(name))
  return { head: trainable.filter((name) => name.startsWith('pair.') && !name.startsWith('pair.late.')), trainable }
}

/** The whole model with another output. */
export function cutModel(model: OnnxModel, output: string): OnnxModel {
  return { ...model, graph: cutGraph(model.graph, [], [{ name: output, type: 'float32', shape: ['N', 1] }]) }
}
