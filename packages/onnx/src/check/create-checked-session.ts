import type { OnnxModel } from '../model/model.js'
import { type Tensor, type TensorType, toNumbers } from '../model/tensor.js'
import { createSession } from '../session/create-session.js'
import {
  type Feeds,
  OPTIMISATIONS,
  type Optimisation,
  type Session,
  type SessionOptions,
} from '../session/open-session.js'

export interface CheckedSessionOptions extends Omit<SessionOptions, 'optimisation' | 'profile'> {
  /** One set of inputs to compare with. */
  readonly feeds: Feeds
  /** What `plain` computes of the feeds, node by node: the results of `probe`. */
  readonly expected: Readonly<Record<string, Tensor>>
  /** The same network before it was rewritten, for when no level of optimisation computes the rewritten one right. Default: the model. */
  readonly plain?: OnnxModel | undefined
}

export interface CheckedSession {
  readonly session: Session
  /** The highest level at which the runtime computed what was expected. */
  readonly optimisation: Optimisation
  /** Whether the rewritten model runs; false where `plain` had to take its place. */
  readonly rewritten: boolean
  /** How far the first try, which should have been right, was off: the length of the difference over the length of the right value. */
  readonly firstError: number
}

/** Float arithmetic in another order stays far below this. */
const ROUNDING = 1e-3
/** Rewriting leaves out conversions to halves and back. */
const HALF_ROUNDING = 2e-2
/** Fused kernels round to another 8-bit step here and there. */
const STEPS = 0.15

/**
 * Opens a model at the highest level of optimisation at which the runtime computes what it computes without: the runtime's rewriting has
 * faults of its own, which no error shows.
 *
 * @throws What `createSession` throws.
 */
export async function createCheckedSession(model: OnnxModel, options: CheckedSessionOptions): Promise<CheckedSession> {
  const { feeds, expected, plain = model, ...rest } = options
  const tolerance = toleranceOf(model)
  let firstError: number | undefined
  for (const candidate of plain === model ? [model] : [model, plain]) {
    for (const optimisation of OPTIMISATIONS) {
      const session = await createSession(candidate, { ...rest, optimisation })
      const error = await session.run(feeds).then(
        (results) => worstError(results, expected),
        () => Infinity,
      )
      firstError ??= error
      const last = candidate === plain && optimisation === 'disabled'
      if (error <= tolerance || last) return { session, optimisation, rewritten: candidate === model, firstError }
      await session.dispose()
    }
  }
  throw new Error('The last candidate is always taken.')
}

function worstError(results: Readonly<Record<string, Tensor>>, expected: Readonly<Record<string, Tensor>>): number {
  return Math.max(
    ...Object.entries(expected).map(([name, tensor]) => {
      const result = results[name]
      if (!result || result.shape.join() !== tensor.shape.join()) return Infinity
      return tensor.type === 'string' ? 0 : relativeError(toNumbers(result), toNumbers(tensor))
    }),
  )
}

function relativeError(given: readonly number[], wanted: readonly number[]): number {
  let difference = 0
  let size = 0
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [given[i]!, wanted[i]!]
    if (Number.isFinite(b)) size += b ** 2
    // The same infinity or no number twice is the same.
    if (!Object.is(a, b)) difference += (a - b) ** 2
  }
  return difference === 0 ? 0 : Number.isFinite(difference) ? Math.sqrt(difference / (size || 1)) : Infinity
}

const HALVES = new Set<TensorType>(['float16', 'bfloat16'])

function toleranceOf({ graph }: OnnxModel): number {
  if (graph.nodes.some(({ op }) => /Quantize|Integer|^QLinear|NBits/.test(op))) return STEPS
  const types = [
    ...Array.from(graph.initializers.values(), ({ type }) => type),
    ...graph.inputs.map(({ type }) => type),
  ]
  return types.some((type) => type && HALVES.has(type)) ? HALF_ROUNDING : ROUNDING
}
