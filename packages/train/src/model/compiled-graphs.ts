import {
  createSession,
  differentiate,
  type Execution,
  type Feeds,
  type GradientModel,
  type Session,
  type Tensor,
} from '@lookalike/onnx'
import { type SplitGradient, splitGradient } from './split-gradient.js'
import type { TrainedWeights } from './trained-weights.js'

/** A network's graphs for one shape of its inputs. */
export interface Compiled {
  readonly gradient: GradientModel | undefined
  readonly forward: Session
  readonly names: readonly string[]
  /** Made when they are first needed: evaluation alone needs neither. */
  joined?: Session | undefined
  split?: SplitSessions | undefined
}

export interface SplitSessions {
  readonly plan: SplitGradient
  readonly forward: Session
  /** From the first step on, which shows the types of the tensors between the halves. */
  backward?: Session | undefined
  saved?: Record<string, Tensor> | undefined
}

/** Shapes of chunks whose sessions are kept. */
const KEPT_SHAPES = 3

export interface CompiledGraphs {
  /** The weights that train now; the others are constants of the graphs. */
  readonly names: readonly string[]
  /** Made when the shape first comes. Weights outside `names` are taken as they are now. */
  compile(feeds: Feeds, names: readonly string[]): Promise<Compiled>
  dispose(): Promise<void>
}

export function createCompiledGraphs(
  weights: TrainedWeights,
  outputs: readonly string[],
  execution: Execution,
): CompiledGraphs {
  const compiled = new Map<string, Compiled>()
  let active: readonly string[] = weights.parameters.map(({ name }) => name)
  const dispose = async () => {
    for (const { forward, joined, split } of compiled.values()) {
      for (const session of [forward, joined, split?.forward, split?.backward]) await session?.dispose()
    }
    compiled.clear()
  }
  return {
    get names() {
      return active
    },
    async compile(feeds, names) {
      if (names.join('\n') !== active.join('\n')) {
        await dispose()
        active = names
      }
      const key = Object.entries(feeds)
        .map(([name, { shape }]) => `${name}:${shape.join('x')}`)
        .join()
      const found = compiled.get(key)
      if (found) return found
      if (compiled.size >= KEPT_SHAPES) await dispose()
      const current = weights.export()
      const gradient =
        names.length === 0 ? undefined : await differentiate(current, { outputs, trainable: names, example: feeds })
      const made: Compiled = {
        gradient,
        names,
        forward: await createSession(gradient?.forward ?? current, execution),
      }
      compiled.set(key, made)
      return made
    },
    dispose,
  }
}

/** Forward and backward as two sessions: what the way forward computed is not computed again. */
export async function openSplit(gradient: GradientModel, execution: Execution): Promise<SplitSessions> {
  const plan = splitGradient(gradient)
  return { plan, forward: await createSession(plan.forward, execution) }
}
