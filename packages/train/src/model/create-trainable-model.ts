import { LookalikeError } from '@lookalike/core'
import {
  createSession,
  differentiate,
  type Execution,
  type Feeds,
  float32,
  type GradientModel,
  type OnnxModel,
  readModel,
  type Session,
  type SessionOptions,
  sizeOf,
  type Tensor,
  type TensorOf,
  trainableInitializers,
  withInitializers,
} from '@lookalike/onnx'
import { decays, type Parameter } from '../optimizer/parameter.js'
import { joinRows, padRows, rowsOf, sliceRows } from './rows.js'
import { type SplitGradient, splitGradient } from './split-gradient.js'

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
    options?: { readonly weights?: ReadonlyMap<string, Float32Array> },
  ): Promise<Record<string, TensorOf<'float32'>>>
  /**
   * Forward, a loss on the outputs of the whole batch, and backward. A batch of more than `chunk` rows goes forward and back chunk by chunk
   * (gradient caching: Gao et al. 2021, arXiv 2101.06983), so memory does not grow with it. `only`: train these parameters alone, which costs
   * no more than they need; the others must not change between calls with the same `only`.
   */
  step<T>(
    feeds: Feeds,
    loss: (outputs: Record<string, TensorOf<'float32'>>) => Promise<OutputGradients<T>>,
    options?: { readonly only?: readonly string[] },
  ): Promise<GradientStep<T>>
  /** The model with its weights as they are now, or with `weights` in their places. */
  export(weights?: ReadonlyMap<string, Float32Array>): OnnxModel
  dispose(): Promise<void>
}

interface Compiled {
  readonly gradient: GradientModel | undefined
  readonly forward: Session
  readonly names: readonly string[]
  /** Made when they are first needed: evaluation alone needs neither. */
  joined?: Session
  split?: SplitSessions
}

interface SplitSessions {
  readonly plan: SplitGradient
  readonly forward: Session
  /** From the first step on, which shows the types of the tensors between the halves. */
  backward?: Session
  saved?: Record<string, Tensor>
}

const DEFAULT_CHUNK = 32
/** Shapes of chunks whose sessions are kept. */
const KEPT_SHAPES = 3

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
  const sessionOptions: SessionOptions = { threads: options.threads, providers: options.providers }
  const weights = weightTensors(model, trainable)
  const parameters: readonly Parameter[] = trainable.map((name) => {
    const { shape, data } = weights.get(name)!
    return { name, shape, data: data.slice(), decay: decays(name, shape) }
  })
  const byName = new Map(parameters.map((parameter) => [parameter.name, parameter]))
  const gradients = new Map(parameters.map(({ name, data }) => [name, new Float32Array(data.length)]))
  const scratch = new Map<string, Float32Array>()
  const compiled = new Map<string, Compiled>()
  let active = trainable.join('\n')

  const exported = (values?: ReadonlyMap<string, Float32Array>): OnnxModel =>
    withInitializers(
      model,
      parameters.map(({ name, shape, data }) => {
        const current = values?.get(name) ?? data
        return [name, float32(current.slice(), shape)] as const
      }),
    )
  const disposeAll = async () => {
    for (const { forward, joined, split } of compiled.values()) {
      for (const session of [forward, joined, split?.forward, split?.backward]) await session?.dispose()
    }
    compiled.clear()
  }
  /** Weights outside `names` are constants of the graph: they are taken as they are now. */
  const compile = async (feeds: Feeds, names: readonly string[]): Promise<Compiled> => {
    const wanted = names.join('\n')
    if (wanted !== active) {
      await disposeAll()
      active = wanted
    }
    const key = Object.entries(feeds)
      .map(([name, { shape }]) => `${name}:${shape.join('x')}`)
      .join()
    const found = compiled.get(key)
    if (found) return found
    if (compiled.size >= KEPT_SHAPES) await disposeAll()
    const current = exported()
    const gradient =
      names.length === 0 ? undefined : await differentiate(current, { outputs, trainable: names, example: feeds })
    const made: Compiled = {
      gradient,
      names,
      forward: await createSession(gradient?.forward ?? current, sessionOptions),
    }
    compiled.set(key, made)
    return made
  }
  const weightFeeds = (names: readonly string[], instead?: ReadonlyMap<string, Float32Array>) =>
    Object.fromEntries(
      names.map((name) => {
        const { data, shape } = byName.get(name)!
        return [name, float32(instead?.get(name) ?? data, shape)]
      }),
    )
  const currentNames = () => (active === '' ? [] : active.split('\n'))

  /** One chunk, filled up to the chunk's size. */
  const forwardChunk = async (feeds: Feeds, names: readonly string[], instead?: ReadonlyMap<string, Float32Array>) => {
    const { forward } = await compile(feeds, names)
    return forward.run({ ...feeds, ...weightFeeds(names, instead) }, { outputs }) as Promise<
      Record<string, TensorOf<'float32'>>
    >
  }
  const forwardAll = async (
    feeds: Feeds,
    names: readonly string[],
    size: number,
    instead?: ReadonlyMap<string, Float32Array>,
  ) => {
    const rows = rowsOf(feeds)
    const parts: Record<string, TensorOf<'float32'>>[] = []
    for (let start = 0; start < rows; start += size) {
      parts.push(
        await forwardChunk(padRows(sliceRows(feeds, start, Math.min(rows, start + size)), size), names, instead),
      )
    }
    return joinRows(parts, outputs, rows)
  }

  const backwardFeeds = (
    gradient: GradientModel,
    given: Readonly<Record<string, Float32Array>>,
    shapes: Readonly<Record<string, readonly number[]>>,
    start: number,
    end: number,
    size: number,
  ) =>
    Object.fromEntries(
      outputs.map((output) => {
        const shape = [size, ...shapes[output]!.slice(1)]
        const stride = sizeOf(shape.slice(1))
        const data = new Float32Array(size * stride)
        if (given[output]) data.set(given[output].subarray(start * stride, end * stride))
        return [gradient.outputGradients[output]!, float32(data, shape)]
      }),
    )
  const gradientTargets = (gradient: GradientModel, arrays: (name: string) => Float32Array) =>
    Object.fromEntries(
      Object.entries(gradient.weightGradients).map(([name, output]) => [
        output,
        float32(arrays(name), byName.get(name)!.shape),
      ]),
    )

  return {
    parameters,
    async forward(feeds, { weights: instead } = {}) {
      return forwardAll(feeds, currentNames(), chunkOf(rowsOf(feeds)), instead)
    },
    async step(feeds, loss, { only } = {}) {
      const names = only ?? trainable
      for (const name of names) if (!byName.has(name)) throw unknownParameter(name)
      const rows = rowsOf(feeds)
      const size = chunkOf(rows)
      const used = new Map(names.map((name) => [name, gradients.get(name)!]))
      const clock = createClock()

      const single = size === rows ? await compile(feeds, names) : undefined
      if (single?.gradient) {
        const { gradient } = single
        const split = (single.split ??= await openSplit(gradient, sessionOptions))
        const saved = await split.forward.run(
          { ...feeds, ...weightFeeds(names) },
          split.saved ? { into: split.saved } : {},
        )
        split.saved ??= saved
        const backward = (split.backward ??= await createSession(split.plan.backward(saved), sessionOptions))
        const results = Object.fromEntries(outputs.map((name) => [name, copyOf(saved[name] as TensorOf<'float32'>)]))
        const forward = clock()
        const { gradients: given, result } = await loss(results)
        const lossTime = clock()
        const shapes = Object.fromEntries(outputs.map((name) => [name, results[name]!.shape]))
        const available: Feeds = {
          ...feeds,
          ...weightFeeds(names),
          ...saved,
          ...backwardFeeds(gradient, given, shapes, 0, rows, rows),
        }
        await backward.run(Object.fromEntries(backward.inputs.map(({ name }) => [name, available[name]!])), {
          into: gradientTargets(gradient, (name) => used.get(name)!),
        })
        return { result, gradients: used, times: { forward, loss: lossTime, backward: clock() } }
      }

      const results = await forwardAll(feeds, names, size)
      const forward = clock()
      const { gradients: given, result } = await loss(results)
      const lossTime = clock()
      if (names.length > 0) {
        const shapes = Object.fromEntries(outputs.map((name) => [name, results[name]!.shape]))
        for (let start = 0; start < rows; start += size) {
          const end = Math.min(rows, start + size)
          const part = padRows(sliceRows(feeds, start, end), size)
          const piece = await compile(part, names)
          const gradient = piece.gradient!
          const session = (piece.joined ??= await createSession(gradient.model, sessionOptions))
          const first = start === 0
          const target = (name: string) => (first ? used.get(name)! : scratchOf(name))
          await session.run(
            { ...part, ...weightFeeds(names), ...backwardFeeds(gradient, given, shapes, start, end, size) },
            { outputs: Object.values(gradient.weightGradients), into: gradientTargets(gradient, target) },
          )
          if (!first) for (const [name, sum] of used) addTo(sum, scratchOf(name))
        }
      }
      return { result, gradients: used, times: { forward, loss: lossTime, backward: clock() } }

      function scratchOf(name: string): Float32Array {
        const known = scratch.get(name)
        if (known) return known
        const made = new Float32Array(byName.get(name)!.data.length)
        scratch.set(name, made)
        return made
      }
    },
    export: exported,
    dispose: disposeAll,
  }
}

async function openSplit(gradient: GradientModel, options: SessionOptions): Promise<SplitSessions> {
  const plan = splitGradient(gradient)
  return { plan, forward: await createSession(plan.forward, options) }
}

function weightTensors(model: OnnxModel, names: readonly string[]): Map<string, TensorOf<'float32'>> {
  const constants = new Map(
    model.graph.nodes.flatMap(({ op, outputs, attributes }) =>
      op === 'Constant' && attributes['value']?.kind === 'tensor'
        ? [[outputs[0]!, attributes['value'].value] as const]
        : [],
    ),
  )
  if (names.length === 0) {
    throw new LookalikeError('onnx/not-trainable', {
      problem: 'The model has no weights to train',
      expected: 'float32 initializers between the input and the output',
      fix: 'Quantised and half-precision models cannot be trained: export the model in float32, and do not freeze all of it.',
    })
  }
  return new Map(
    names.map((name) => {
      const tensor = model.graph.initializers.get(name) ?? constants.get(name)
      if (tensor?.type !== 'float32') throw unknownParameter(name)
      return [name, tensor]
    }),
  )
}

function unknownParameter(name: string): LookalikeError {
  return new LookalikeError(
    'onnx/not-trainable',
    { problem: `The network has no trained float32 weight ${name}`, expected: 'names of float32 initializers' },
    { fields: { weight: name } },
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
