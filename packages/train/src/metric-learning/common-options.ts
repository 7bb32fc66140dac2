import { pluginRef } from '@lookalike/core'
import { providersSchema } from '@lookalike/onnx'
import { z } from 'zod'
import { optimizerSchema } from '../optimizer/create-optimizer.js'
import { scheduleSchema } from '../optimizer/schedule.js'

/** What every way of training an embedding is told. */
export const commonOptions = {
  loss: pluginRef('loss').describe('The loss, on labels.'),
  sampler: pluginRef('sampler').prefault('balanced').describe('What batches are made of; it says how large they are.'),
  epochs: z.int().min(1).default(20).describe('Times through the training set.'),
  steps: z.int().min(1).exactOptional().describe('Stops after so many steps. Default: after the epochs.'),
  optimizer: optimizerSchema.prefault({}).describe('AdamW.'),
  schedule: scheduleSchema,
  groups: z
    .array(
      z.strictObject({
        match: z.array(z.string().min(1)).min(1).describe('Names of weights, with * for any characters.'),
        learningRateFactor: z.number().positive().exactOptional().describe('Multiplies the learning rate.'),
        decay: z.boolean().exactOptional().describe('Whether weight decay applies.'),
      }),
    )
    .default([])
    .describe('Weights that are trained differently; the first group that fits counts.'),
  averageDecay: z
    .number()
    .min(0)
    .lt(1)
    .exactOptional()
    .describe(
      'Keeps a moving average of the weights and uses it for validation and the result: the share that stays at each step, say 0.999. Default: none.',
    ),
  validation: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.1)
    .describe(
      'Share of the training classes that is held out to choose by, 0 for none. Not used where the dataset has a validation split.',
    ),
  validateEvery: z.int().min(1).default(1).describe('Epochs between two validations.'),
  monitor: z.enum(['map@r', 'recall@1']).default('map@r').describe('The validation figure that decides what is best.'),
  patience: z
    .int()
    .min(1)
    .exactOptional()
    .describe('Validations without a new best after which the run stops early. Default: never.'),
  keep: z.enum(['best', 'last']).default('best').describe('The weights of the best validation, or the last.'),
  checkpointEvery: z
    .int()
    .min(1)
    .default(200)
    .describe('Steps between two checkpoints: what a killed run loses at most.'),
  providers: providersSchema
    .default(['cpu'])
    .describe('Where forward and backward run, first choice first. Operators that a provider lacks run on the CPU.'),
  logEvery: z
    .int()
    .min(1)
    .default(10)
    .describe('Steps between two lines of the log, which hold the means between them.'),
}

const commonSchema = z.strictObject(commonOptions)

export type CommonSettings = z.output<typeof commonSchema>

/** Options that change neither the weights nor their order of coming about: a run that goes on may have others. */
const WITHOUT_EFFECT = ['checkpointEvery', 'logEvery', 'workers', 'memory']

/** The options that decide what a run comes to. */
export function decisiveSettings(settings: object): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !WITHOUT_EFFECT.includes(name)))
}
