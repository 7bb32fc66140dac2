import { createRandom, LookalikeError } from '@lookalike/core'
import { differentiate } from '../gradient/differentiate.js'
import type { OnnxModel } from '../model/model.js'
import { float32, int64, type Tensor, type TensorOf } from '../model/tensor.js'
import { createSession } from '../session/create-session.js'
import type { Feeds } from '../session/open-session.js'
import { exampleFeeds } from './example-feeds.js'

interface Values {
  /** Default `float32`. */
  readonly type?: 'float32' | 'int64' | 'bool' | undefined
  readonly shape: readonly number[]
  readonly data: readonly number[]
}

/** What another implementation computed for a model with one output that matters, its first. */
export interface GradientCase {
  /** Of the first input, where there is one. */
  readonly input?: Values | undefined
  /** Of all inputs by name, where there are several; integers say so in `type`. */
  readonly inputs?: Readonly<Record<string, Values>> | undefined
  readonly output: Values
  readonly outputGradient: Values
  /** Of the first input. */
  readonly inputGradient?: Values | undefined
  /** Of inputs by name. */
  readonly inputGradients?: Readonly<Record<string, Values>> | undefined
  readonly initializerGradients: Readonly<Record<string, Values>>
}

export interface CheckGradientsOptions {
  /** Compare with this; without it, with finite differences. */
  readonly case?: GradientCase | undefined
  /** Inputs for finite differences. Default: noise in the size that the model states. */
  readonly example?: Feeds | undefined
  /** The weights to check. Default: those of the case, or all. */
  readonly trainable?: readonly string[] | undefined
  /** Of the directions in which finite differences go. Default 0. */
  readonly seed?: number | undefined
}

export interface TensorCheck {
  /** A weight's or an input's name, or that of an output, which a case also holds. */
  readonly name: string
  /**
   * Length of the difference over the length of the right value. A gradient of less than a millionth of the longest is rounding and nothing
   * else (that of an attention's key bias is zero by mathematics): its difference is measured against the longest.
   */
  readonly error: number
}

export interface GradientCheck {
  readonly method: 'case' | 'finite-differences'
  /** Worst first. */
  readonly tensors: readonly TensorCheck[]
}

/**
 * Compares a model's gradient graph with a case file, or with finite differences: the output's change along a few directions, half
 * random and half along the gradient. Float arithmetic limits finite differences to an error of about 1e-3.
 *
 * @throws What `differentiate` throws; `onnx/case` when the case does not fit the model.
 */
export async function checkGradients(model: OnnxModel, options: CheckGradientsOptions = {}): Promise<GradientCheck> {
  const tensors = options.case
    ? await againstCase(model, options.case, options)
    : await againstDifferences(model, options)
  return { method: options.case ? 'case' : 'finite-differences', tensors: tensors.sort((a, b) => b.error - a.error) }
}

async function againstCase(
  model: OnnxModel,
  given: GradientCase,
  options: CheckGradientsOptions,
): Promise<TensorCheck[]> {
  const [first, output] = [model.graph.inputs[0]!.name, model.graph.outputs[0]!.name]
  const inputs = { ...(given.input && { [first]: given.input }), ...given.inputs }
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, tensorOf(values)]))
  const inputGradients = {
    ...(given.inputGradient && { [first]: given.inputGradient }),
    ...given.inputGradients,
  }
  const gradient = await differentiate(model, {
    outputs: [output],
    trainable: options.trainable ?? Object.keys(given.initializerGradients),
    inputGradients: Object.keys(inputGradients),
    example: feeds,
  })
  const session = await createSession(gradient.model)
  const results = await session
    .run({
      ...feeds,
      ...Object.fromEntries(gradient.weights),
      [gradient.outputGradients[output]!]: tensorOf(given.outputGradient),
    })
    .finally(() => session.dispose())
  const longest = Math.max(
    ...[...Object.values(inputGradients), ...Object.values(given.initializerGradients)].map(({ data }) => norm(data)),
  )
  const compare = (
    name: string,
    result: string,
    wanted: Values | undefined,
    measure: (length: number) => number = measureFrom(longest),
  ) => {
    const tensor = results[result] as TensorOf<'float32'>
    if (wanted?.data.length === tensor.data.length) {
      return { name, error: norm(wanted.data.map((value, i) => tensor.data[i]! - value)) / measure(norm(wanted.data)) }
    }
    throw new LookalikeError(
      'onnx/case',
      {
        problem: `The case holds ${wanted ? `${wanted.data.length} values` : 'nothing'} for ${name}`,
        expected: `${tensor.data.length} values`,
      },
      { fields: { name } },
    )
  }
  return [
    compare(output, output, given.output, measureFrom(0)),
    ...Object.entries(gradient.inputGradients).map(([name, result]) => compare(name, result, inputGradients[name])),
    ...Object.entries(gradient.weightGradients).map(([name, result]) =>
      compare(name, result, given.initializerGradients[name]),
    ),
  ]
}

async function againstDifferences(model: OnnxModel, options: CheckGradientsOptions): Promise<TensorCheck[]> {
  const random = createRandom(options.seed ?? 0)
  const example = options.example ?? exampleFeeds(model)
  const floatInputs = Object.keys(example).filter((name) => example[name]!.type === 'float32')
  const gradient = await differentiate(model, {
    example,
    trainable: options.trainable,
    inputGradients: floatInputs,
  })
  const forward = await createSession(gradient.forward)
  const both = await createSession(gradient.model)
  try {
    const feeds: Feeds = { ...example, ...Object.fromEntries(gradient.weights) }
    const outputs = (await forward.run(feeds)) as Record<string, TensorOf<'float32'>>
    // The scalar whose gradient is checked: the outputs, each value times a random number.
    const factors = Object.fromEntries(
      Object.entries(outputs).map(([name, { data, shape }]) => [
        name,
        float32(
          Float32Array.from(data, () => random.normal()),
          shape,
        ),
      ]),
    )
    const outputFeeds = Object.fromEntries(
      Object.entries(factors).map(([name, value]) => [gradient.outputGradients[name]!, value]),
    )
    const gradients = (await both.run({ ...feeds, ...outputFeeds })) as Record<string, TensorOf<'float32'>>
    const value = async (changed: Feeds) => weightedSum(await forward.run(changed), factors)
    const checks: TensorCheck[] = []
    const wanted = [...Object.entries(gradient.weightGradients), ...Object.entries(gradient.inputGradients)]
    const measure = measureFrom(Math.max(...wanted.map(([, result]) => norm(gradients[result]!.data))))
    for (const [name, result] of wanted) {
      checks.push({
        name,
        error: await directionalError(feeds, name, gradients[result]!.data, value, measure, () => random.normal()),
      })
    }
    return checks
  } finally {
    await Promise.all([forward.dispose(), both.dispose()])
  }
}

const NEGLIGIBLE = 1e-6
const DIRECTIONS = 3
/** As shares of the tensor's own size: small ones pass kinks, large ones drown rounding. The best of them counts. */
const STEPS = [3e-2, 1e-2, 3e-3, 1e-3]

async function directionalError(
  feeds: Feeds,
  name: string,
  gradient: Float32Array,
  value: (feeds: Feeds) => Promise<number>,
  measure: (length: number) => number,
  normal: () => number,
): Promise<number> {
  const { data, shape } = feeds[name] as TensorOf<'float32'>
  const length = norm(gradient)
  const size = norm(data) || Math.sqrt(data.length)
  let worst = 0
  for (let i = 0; i < DIRECTIONS; i++) {
    const noise = Float64Array.from(data, normal)
    const noiseLength = norm(noise)
    const direction = Float64Array.from(
      noise,
      (value_, j) => value_ / noiseLength + (length > 0 ? gradient[j]! / length : 0),
    )
    const wanted = direction.reduce((sum, value_, j) => sum + value_ * gradient[j]!, 0)
    let best = Infinity
    for (const share of STEPS) {
      const step = share * size
      const at = (times: number) =>
        value({
          ...feeds,
          [name]: float32(
            Float32Array.from(data, (value_, j) => value_ + times * step * direction[j]!),
            shape,
          ),
        })
      // Central differences of fourth order.
      const found = (8 * ((await at(1)) - (await at(-1))) - ((await at(2)) - (await at(-2)))) / (12 * step)
      best = Math.min(best, Math.abs(found - wanted) / measure(length))
    }
    worst = Math.max(worst, best)
  }
  return worst
}

function weightedSum(outputs: Record<string, Tensor>, factors: Readonly<Record<string, TensorOf<'float32'>>>): number {
  let sum = 0
  for (const [name, factor] of Object.entries(factors)) {
    const { data } = outputs[name] as TensorOf<'float32'>
    for (let i = 0; i < data.length; i++) sum += data[i]! * factor.data[i]!
  }
  return sum
}

/** What a tensor's difference is divided by: its length, or that of the longest gradient where it is negligible beside it. */
const measureFrom = (longest: number) => (length: number) =>
  Math.max(length < NEGLIGIBLE * longest ? longest : length, 1e-12)

function norm(values: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2
  return Math.sqrt(sum)
}

function tensorOf({ type = 'float32', shape, data }: Values): Tensor {
  if (type === 'int64') return int64(data, shape)
  return type === 'bool' ? { type, shape, data: Uint8Array.from(data) } : float32(data, shape)
}
