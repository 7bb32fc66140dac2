import { createRandom, LookalikeError, orthogonalMatrix, type Preprocessing, type Warning } from '@lookalike/core'
import {
  createGraphBuilder,
  createSession,
  cutGraph,
  float32,
  type GraphBuilder,
  type OnnxModel,
  type TensorType,
  TO_END,
  toFull,
} from '@lookalike/onnx'
import { adaptPixels } from './adapt-pixels.js'
import { chooseOutput } from './choose-output.js'
import { findTokens } from './find-tokens.js'
import { describeShape, exampleFeeds, modelInput, type NetworkInput, networkInput } from './network-input.js'
import type { Pooling } from './pooling.js'
import { preprocessingEntry } from './preprocessing-entry.js'
import { toSingle } from './to-single.js'

/** How a model's output becomes an embedding. */
export interface Reading {
  /** The pixels' input. Default: the only one with four dimensions. */
  readonly input?: string | undefined
  /**
   * The output to read, or any tensor inside. Default: the first of `embedding`, `image_embeds`, `pooler_output`, `last_hidden_state` that is
   * made of the image alone, else the only output that does not look like class scores.
   */
  readonly output?: string | undefined
  /** Default: `none` for vectors, `mean` for pictures; for tokens it must be said. */
  readonly pooling?: Pooling | undefined
  /** Leading tokens that are no patches, which `mean` leaves out. Default 1. */
  readonly prefixTokens?: number | undefined
  /** A new linear layer on top, with orthogonal first weights: to be trained. */
  readonly projection?: { readonly dim: number; readonly seed?: number | undefined } | undefined
  /** L2-normalise. Default true. */
  readonly normalise?: boolean | undefined
}

export interface CompleteNetwork {
  readonly model: OnnxModel
  readonly input: NetworkInput
  readonly output: string
  readonly dim: number
}

const MARK = 'lookalike.network'
/** Metadata of a network that needs nothing added: pixels in, embeddings out. */
export const completeMark = { [MARK]: 'encoder' }

/**
 * One network from pixels to embeddings: of the model only what the chosen output needs, then casts, pooling, projection and norm as ONNX nodes.
 *
 * @throws `encoder/output`, `encoder/pooling`, and what {@link modelInput} throws.
 */
export async function completeNetwork(
  given: OnnxModel,
  reading: Reading,
  preprocessing: Preprocessing,
  name: string,
  onWarning?: (warning: Warning) => void,
): Promise<CompleteNetwork> {
  const model = toFull(given)
  const read = chooseOutput(model, reading.output, name, onWarning)
  const known = model.graph.outputs.find(({ name: each }) => each === read)
  const needed: OnnxModel = { ...model, graph: cutGraph(model.graph, [], [known ?? { name: read }]) }
  const own = modelInput(needed.graph, reading.input, preprocessing, name)
  const cut = own.type === 'float64' ? toSingle(needed) : needed
  const input = networkInput(own, preprocessing)

  const g = createGraphBuilder({ opset: model.opset[''] ?? 1, name: model.graph.name })
  const pixels = g.input(input.name, 'float32', input.shape)
  const type = own.type === 'float64' ? 'float32' : own.type
  const fed = adaptPixels(g, pixels, { ...own, type }, preprocessing)
  const made = g.include(cut.graph, { [input.name]: fed })[read]!
  const asModel = (): OnnxModel => {
    const built = g.build()
    return {
      ...built,
      irVersion: Math.max(built.irVersion, model.irVersion),
      opset: { ...built.opset, ...model.opset },
      functions: model.functions,
    }
  }
  const found = await describeOutput(cut, asModel, made, input, preprocessing, name)
  const complete = model.metadata[MARK] !== undefined && read === model.graph.outputs[0]?.name
  const asItIs = complete && found.shape.length === 2 && !reading.projection && reading.normalise === undefined
  if (asItIs && found.type === 'float32' && fed === pixels) {
    const metadata = { ...model.metadata, ...preprocessingEntry(preprocessing) }
    return { model: { ...cut, metadata }, input, output: read, dim: found.shape[1]! }
  }

  const full = found.type === 'float32' ? made : g.cast(made, 'float32')
  const pooled = pool(g, full, found.shape, reading, name)
  const length = found.shape.length === 3 ? found.shape[2]! : found.shape[1]!
  const { vector, dim } = project(g, pooled, length, reading.projection)
  const result = (reading.normalise ?? true) ? g.l2Normalise(vector) : vector
  const output = g.output(result, freeName(model, 'embedding'), { shape: [input.batch ?? 'N', dim] })
  return {
    model: {
      ...asModel(),
      metadata: { ...model.metadata, ...preprocessingEntry(preprocessing), ...completeMark },
    },
    input,
    output,
    dim,
  }
}

interface Described {
  readonly type: TensorType
  /** The batch is -1. */
  readonly shape: readonly number[]
}

/** Type and shape of what the model makes; where it does not say, black images tell. */
async function describeOutput(
  { graph }: OnnxModel,
  asModel: () => OnnxModel,
  made: string,
  input: NetworkInput,
  { crop }: Preprocessing,
  name: string,
): Promise<Described> {
  const { type, shape } = graph.outputs[0]!
  if (type && shape && shape.slice(1).every((n) => typeof n === 'number'))
    return { type, shape: [-1, ...(shape.slice(1) as number[])] }
  const model = asModel()
  const described = { ...model, graph: { ...model.graph, outputs: [{ name: made }] } }
  const session = await createSession(described, { name, threads: 1, optimisation: 'basic' })
  try {
    const result = (await session.run(exampleFeeds({ ...input, batch: input.batch ?? 1 })))[made]!
    return { type: result.type, shape: [-1, ...result.shape.slice(1)] }
  } catch (cause) {
    throw new LookalikeError(
      'encoder/input-shape',
      {
        problem: `${name} fails on an image of ${crop.width} x ${crop.height} pixels`,
        fix: 'Set `crop` of the preprocessing to the size that the model was exported with.',
      },
      { cause },
    )
  } finally {
    await session.dispose()
  }
}

function pool(
  g: GraphBuilder,
  x: string,
  shape: readonly number[],
  { pooling, prefixTokens = 1 }: Reading,
  name: string,
): string {
  const rank = shape.length
  const fail = (problem: string, expected: string) =>
    new LookalikeError(
      'encoder/pooling',
      { problem: `${name}: ${problem}`, expected },
      { fields: { model: name, shape, pooling } },
    )
  const described = describeShape(['N', ...shape.slice(1)])
  if (rank === 2) {
    if (pooling === undefined || pooling === 'none') return x
    throw fail(`the output is ${described} already, so there is nothing to pool`, 'the pooling none')
  }
  if (rank === 4) {
    const vector = shape[2] === 1 && shape[3] === 1
    if (pooling === 'mean' || (pooling === undefined && !vector)) return g.flatten(g.globalAveragePool(x))
    if (vector && (pooling === undefined || pooling === 'none')) return g.flatten(x)
    throw fail(`the output is a picture ${described}`, 'the pooling mean')
  }
  if (rank !== 3)
    throw fail(`the output is ${described}`, 'a vector, tokens or a picture for each image; choose another output')
  switch (pooling) {
    case 'class-token':
      return g.gather(x, g.integers(0), 1)
    case 'distilled-mean':
      return g.reduceMean(g.slice(x, [0], [2], [1]), [1], false)
    case 'mean':
      return g.reduceMean(g.slice(x, [prefixTokens], [TO_END], [1]), [1], false)
    default:
      throw fail(`the output is tokens ${described}`, 'the pooling class-token, mean or distilled-mean')
  }
}

function project(
  g: GraphBuilder,
  x: string,
  inputs: number,
  projection: Reading['projection'],
): { vector: string; dim: number } {
  if (!projection) return { vector: x, dim: inputs }
  const { dim, seed = 0 } = projection
  const weight = g.initializer(
    'lookalike.projection.weight',
    float32(orthogonalMatrix(inputs, dim, createRandom(`orthogonal/${seed}`)), [inputs, dim]),
  )
  const bias = g.initializer('lookalike.projection.bias', float32(new Float32Array(dim)))
  return { vector: g.add(g.matMul(x, weight), bias), dim }
}

function freeName({ graph }: OnnxModel, name: string): string {
  const taken = new Set([...graph.inputs.map((input) => input.name), ...graph.nodes.flatMap(({ outputs }) => outputs)])
  return taken.has(name) ? freeName({ graph } as OnnxModel, `${name}_1`) : name
}

/** The tokens behind a model that only gives class scores, as the name of a tensor inside it. */
export function tokensOf(model: OnnxModel): string | undefined {
  const output = model.graph.outputs[0]
  return output && findTokens(model.graph, output.name)
}
