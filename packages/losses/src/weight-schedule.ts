import * as z from 'zod'

/** A weight that stays, or moves over the run. */
export type Weight = number | WeightSchedule

export interface WeightSchedule {
  /** `linear`, or half a cosine wave. */
  readonly schedule: 'linear' | 'cosine'
  readonly from: number
  readonly to: number
  /** Share of the run's steps at which it starts to move, in [0, 1]. */
  readonly begin?: number | undefined
  /** Share of the run's steps at which it arrives, in [0, 1]. */
  readonly end?: number | undefined
}

/** The schema of an option that is a weight. */
export const weightSchema = z.union([
  z.number(),
  z.strictObject({
    schedule: z.enum(['linear', 'cosine']).describe('How the weight moves.'),
    from: z.number().describe('Weight up to `begin`.'),
    to: z.number().describe('Weight from `end` on.'),
    begin: z.number().min(0).max(1).default(0).describe('Share of the run after which it starts to move, 0 to 1.'),
    end: z.number().min(0).max(1).default(1).describe('Share of the run after which it has arrived, 0 to 1.'),
  }),
])

/**
 * The weight at a step.
 *
 * @example
 * weightAt({ schedule: 'linear', from: 0, to: 1 }, 50, 101) // 0.5
 */
export function weightAt(weight: Weight, step: number, totalSteps: number): number {
  if (typeof weight === 'number') return weight
  const { from, to, begin = 0, end = 1 } = weight
  const share = totalSteps > 1 ? step / (totalSteps - 1) : 1
  const progress = end > begin ? Math.min(Math.max((share - begin) / (end - begin), 0), 1) : Number(share >= begin)
  return from + (to - from) * (weight.schedule === 'linear' ? progress : (1 - Math.cos(Math.PI * progress)) / 2)
}
