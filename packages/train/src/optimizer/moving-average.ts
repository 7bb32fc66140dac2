import type { ArrayState } from '@lookalike/core'
import type { Parameter } from './parameter.js'

/** An exponential moving average of weights; it usually retrieves better than the weights themselves. */
export interface MovingAverage {
  readonly weights: ReadonlyMap<string, Float32Array>
  /** Takes the weights in after an update. */
  update(): void
  state(): ArrayState
  restore(state: ArrayState): void
}

/** @param decay share of the old average that stays at each step; smaller in the first steps, when there is no past worth keeping */
export function createMovingAverage(parameters: readonly Parameter[], decay: number): MovingAverage {
  const weights = new Map(parameters.map(({ name, data }) => [name, data.slice()]))
  const count = new Int32Array(1)
  return {
    weights,
    update() {
      const n = ++count[0]!
      const mix = 1 - Math.min(decay, (1 + n) / (10 + n))
      for (const { name, data } of parameters) {
        const average = weights.get(name)!
        for (let i = 0; i < data.length; i++) average[i]! += mix * (data[i]! - average[i]!)
      }
    },
    state: () => ({ ...Object.fromEntries(weights), ' count': count }),
    restore(state) {
      for (const [name, average] of weights) average.set(state[name] as Float32Array)
      count.set(state[' count']!)
    },
  }
}
