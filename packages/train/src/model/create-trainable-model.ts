import {
  createSession,
  type Execution,
  type Feeds,
  float32,
  type GradientModel,
  type OnnxModel,
  readModel,
  sizeOf,
  type TensorOf,
  trainableInitializers,
} from '@lookalike/onnx'
import type { Parameter } from '../optimizer/parameter.js'
import { type Compiled, type CompiledGraphs, createCompiledGraphs, openSplit } from './compiled-graphs.js'
import { joinRows, padRows, rowsOf, sliceRows } from './rows.js'
import { createTrainedWeights, type TrainedWeights } from './trained-weights.js'

export interface TrainableModelOptions extends Execution {
  /** The initializers to train. Default: all that look like weights. */
  readonly trainable?: readonly string[] | undefined
  /** The outputs to use. Default: all. */
  readonly outputs?: readonly string[] | undefined
  /** Rows that go through the network at once; larger batches go through in chunks. Default 32. */
  readonly chunk?: number | undefined
}

/** What a loss in JavaScript made of the network's outputs. */
export interface OutputGradients<T> {
  /** By output, in the output's shape. An output without one has no influence. */
  readonly gradients: Readonly<Record<string, Float32Array>>
  readonly result: T
}

export interface StepTimes {
  /** Milliseconds. */
  readonly forward: number
  readonly loss: number
  readonly backward: number
}

export interface GradientStep<T> {
  readonly result: T
  /** By parameter. The arrays are used again by the next call. */
  readonly gradients: ReadonlyMap<string, Float32Array>
  readonly times: StepTimes
}

/**
 * A network whose weights change. Every input and output has the batch as its first dimension; every row is independent of the others, so
 * that a batch can be cut.
 */
export interface TrainableModel {
  /** The trained weights; change `data` in place. */
  readonly parameters: readonly Parameter[]
  /** Outputs of any number of rows. `weights` stand in for the parameters of the same names. */
  forward(
    feeds: Feeds,
    options?: { readonly weights?: ReadonlyMap<string, Float32Array> | undefined },
  ): Promise<Record<string, TensorOf<'float32'>>>
  /**
   * Forward, a loss on the outputs of the whole batch, and backward. A batch of more than `chunk` rows goes forward and back chunk by chunk
   * (gradient caching: Gao et al. 2021, arXiv 2101.06983), so memory does not grow with it. `only`: train these parameters alone, which costs
   * no more than they need; the others must not change between calls with the same `only`.
   */
  step<T>(
    feeds: Feeds,
    loss: (outputs: Record<string, TensorOf<'float32'>>) => Promise<OutputGradients<T>>,
    options?: { readonly only?: readonly string[] | undefined },
  ): Promise<GradientStep<T>>
  /** The model with its weights as they are now, or with `weights` in their places. */
  export(weights?: ReadonlyMap<string, Float32Array>): OnnxModel
  dispose(): Promise<void>
}

const DEFAULT_CHUNK = 32

/**
 * Makes a network trainable with any loss in JavaScript. Gradient graphs are made when a shape first comes.
 *
 * @throws `onnx/not-trainable`, `onnx/unreachable`; from `forward` and `step` `onnx/provider`; and from `step` `onnx/not-differentiable`, naming
 * the node in the way.
 *
 * @example
 * const model = createTrainableModel(await encoder.onnx.bytes(), { chunk: 32 })
 * const optimizer = createOptimizer(model.parameters)
 * const { gradients } = await model.step({ pixel_values }, async ({ embedding }) => lossOf(embedding))
 * optimizer.step(gradients)
 */
export function createTrainableModel(
  source: OnnxModel | Uint8Array,
  options: TrainableModelOptions = {},
): TrainableModel {
  const model = source instanceof Uint8Array ? readModel(source) : source
  const outputs = options.outputs ?? model.graph.outputs.map(({ name }) => name)
  const trainable = options.trainable ?? trainableInitializers(model, outputs)
  // A model exported for a fixed number of rows gets just so many; the last piece is filled up.
  const fixed = model.graph.inputs.map(({ shape }) => shape?.[0]).find((rows) => typeof rows === 'number')
  const chunkOf = (rows: number) => fixed ?? Math.max(1, Math.min(options.chunk ?? DEFAULT_CHUNK, rows))
  const execution: Execution = { threads: options.threads, providers: options.providers }
  const weights = createTrainedWeights(model, trainable)
  const graphs = createCompiledGraphs(weights, outputs, execution)
  const gradients = new Map(weights.parameters.map(({ name, data }) => [name, new Float32Array(data.length)]))
  const network: Network = { outputs, weights, graphs, execution, scratch: new Map() }
  return {
    parameters: weights.parameters,
    forward: (feeds, { weights: instead } = {}) =>
      forwardAll(network, feeds, graphs.names, chunkOf(rowsOf(feeds)), instead),
    async step(feeds, loss, { only } = {}) {
      const clock = createClock()
      const names = only ?? trainable
      const used = new Map(names.map((name) => [weights.get(name).name, gradients.get(name)!]))
      const rows = rowsOf(feeds)
      const size = chunkOf(rows)
      const single = size === rows ? await graphs.compile(feeds, names) : undefined
      const step = { feeds, loss, used, clock }
      return single?.gradient ? stepWhole(network, single, single.gradient, step) : stepInChunks(network, size, step)
    },
    export: weights.export,
    dispose: graphs.dispose,
  }
}

type Outputs = Record<string, TensorOf<'float32'>>
type Gradients = ReadonlyMap<string, Float32Array>

interface Step<T> {
  readonly feeds: Feeds
  loss(outputs: Outputs): Promise<OutputGradients<T>>
  /** Where the gradients go, by parameter. */
  readonly used: Gradients
  /** Milliseconds since the last call. */
  clock(): number
}

interface Network {
  readonly outputs: readonly string[]
  readonly weights: TrainedWeights
  readonly graphs: CompiledGraphs
  readonly execution: Execution
  /** Gradients of a chunk, before they are added to those of the others. */
  readonly scratch: Map<string, Float32Array>
}

async function forwardAll(
  { graphs, weights, outputs }: Network,
  feeds: Feeds,
  names: readonly string[],
  size: number,
  instead?: Gradients,
): Promise<Outputs> {
  const rows = rowsOf(feeds)
  const parts: Outputs[] = []
  for (let start = 0; start < rows; start += size) {
    const part = padRows(sliceRows(feeds, start, Math.min(rows, start + size)), size)
    const { forward } = await graphs.compile(part, names)
    parts.push((await forward.run({ ...part, ...weights.feeds(names, instead) }, { outputs })) as Outputs)
  }
  return joinRows(parts, outputs, rows)
}

/** A batch of one chunk: the way back uses what the way forward computed. */
async function stepWhole<T>(
  network: Network,
  compiled: Compiled,
  gradient: GradientModel,
  { feeds, loss, used, clock }: Step<T>,
): Promise<GradientStep<T>> {
  const { outputs, weights, execution } = network
  const weightFeeds = weights.feeds([...used.keys()])
  const split = (compiled.split ??= await openSplit(gradient, execution))
  const saved = await split.forward.run({ ...feeds, ...weightFeeds }, split.saved ? { into: split.saved } : {})
  split.saved ??= saved
  const backward = (split.backward ??= await createSession(split.plan.backward(saved), execution))
  const results = Object.fromEntries(outputs.map((name) => [name, copyOf(saved[name] as TensorOf<'float32'>)]))
  const forward = clock()
  const { gradients: given, result } = await loss(results)
  const lossTime = clock()
  const rows = rowsOf(feeds)
  const available: Feeds = {
    ...feeds,
    ...weightFeeds,
    ...saved,
    ...backwardFeeds(gradient, given, results, { start: 0, end: rows, size: rows }),
  }
  await backward.run(Object.fromEntries(backward.inputs.map(({ name }) => [name, available[name]!])), {
    into: gradientTargets(network, gradient, used),
  })
  return { result, gradients: used, times: { forward, loss: lossTime, backward: clock() } }
}

/** Gradient caching: all chunks forward, the loss on all rows, then chunk by chunk forward and back again. */
async function stepInChunks<T>(
  network: Network,
  size: number,
  { feeds, loss, used, clock }: Step<T>,
): Promise<GradientStep<T>> {
  const { graphs, weights, execution } = network
  const names = [...used.keys()]
  const results = await forwardAll(network, feeds, names, size)
  const forward = clock()
  const { gradients: given, result } = await loss(results)
  const lossTime = clock()
  const rows = names.length > 0 ? rowsOf(feeds) : 0
  for (let start = 0; start < rows; start += size) {
    const end = Math.min(rows, start + size)
    const part = padRows(sliceRows(feeds, start, end), size)
    const compiled = await graphs.compile(part, names)
    const gradient = compiled.gradient!
    const session = (compiled.joined ??= await createSession(gradient.model, execution))
    const into = start === 0 ? used : scratchFor(network, names)
    await session.run(
      { ...part, ...weights.feeds(names), ...backwardFeeds(gradient, given, results, { start, end, size }) },
      { outputs: Object.values(gradient.weightGradients), into: gradientTargets(network, gradient, into) },
    )
    if (into !== used) for (const [name, sum] of used) addTo(sum, into.get(name)!)
  }
  return { result, gradients: used, times: { forward, loss: lossTime, backward: clock() } }
}

function scratchFor({ scratch, weights }: Network, names: readonly string[]): Gradients {
  for (const name of names) if (!scratch.has(name)) scratch.set(name, new Float32Array(weights.get(name).data.length))
  return scratch
}

/** The gradients of rows `start` to `end` of the outputs, filled up to `size` rows of zeros. */
function backwardFeeds(
  { outputGradients }: GradientModel,
  given: Readonly<Record<string, Float32Array>>,
  results: Outputs,
  { start, end, size }: { readonly start: number; readonly end: number; readonly size: number },
): Feeds {
  return Object.fromEntries(
    Object.entries(results).map(([output, tensor]) => {
      const shape = [size, ...tensor.shape.slice(1)]
      const stride = sizeOf(shape.slice(1))
      const data = new Float32Array(size * stride)
      if (given[output]) data.set(given[output].subarray(start * stride, end * stride))
      return [outputGradients[output]!, float32(data, shape)]
    }),
  )
}

function gradientTargets({ weights }: Network, { weightGradients }: GradientModel, into: Gradients): Feeds {
  return Object.fromEntries(
    Object.entries(weightGradients).map(([name, output]) => [
      output,
      float32(into.get(name)!, weights.get(name).shape),
    ]),
  )
}

function copyOf({ data, ...rest }: TensorOf<'float32'>): TensorOf<'float32'> {
  return { ...rest, data: data.slice() }
}

function addTo(sum: Float32Array, part: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!
}

/** Milliseconds since the last call. */
function createClock(): () => number {
  let last = performance.now()
  return () => {
    const now = performance.now()
    const passed = now - last
    last = now
    return passed
  }
}
