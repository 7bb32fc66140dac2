import { z } from 'zod'

const warmUp = z.number().min(0).default(0).describe('Epochs, also parts of one, over which the rate rises from 0.')

/** Options of a learning rate schedule, for configs. */
export const scheduleSchema = z
  .discriminatedUnion('shape', [
    z.strictObject({ shape: z.literal('constant'), warmUp }),
    z.strictObject({
      shape: z.literal('step'),
      every: z.number().positive().default(10).describe('Epochs between two drops.'),
      factor: z.number().positive().lt(1).default(0.5).describe('What a drop multiplies the rate by.'),
      warmUp,
    }),
    z.strictObject({
      shape: z.literal('cosine'),
      final: z.number().min(0).max(1).default(0).describe('Share of the rate that is left at the end.'),
      warmUp,
    }),
  ])
  .default({ shape: 'cosine', final: 0, warmUp: 0 })
  .describe('How the learning rate changes: constant, step (drops every few epochs) or cosine (falls to the end).')

export type Schedule = z.output<typeof scheduleSchema>
export type ScheduleOptions = z.input<typeof scheduleSchema>

/** What the learning rate is multiplied by at a step, counted from 0. */
export function scheduleAt(schedule: Schedule, step: number, totalSteps: number, stepsPerEpoch: number): number {
  const rising = schedule.warmUp * stepsPerEpoch
  if (step < rising) return (step + 1) / (rising + 1)
  switch (schedule.shape) {
    case 'constant':
      return 1
    case 'step':
      return schedule.factor ** Math.floor(step / (schedule.every * stepsPerEpoch))
    case 'cosine': {
      const share = Math.min(1, (step - rising) / Math.max(1, totalSteps - rising))
      return schedule.final + (1 - schedule.final) * 0.5 * (1 + Math.cos(Math.PI * share))
    }
  }
}
