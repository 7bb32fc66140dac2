import { z } from 'zod'

/** The option of every dataset with labels. */
export const validationSchema = z
  .number()
  .min(0)
  .max(0.9)
  .default(0)
  .describe('Share of the training classes cut off for validation, 0 to 0.9')

export const seedSchema = z
  .int()
  .min(0)
  .default(0)
  .describe('Chooses what goes into which part; apart from the seed of the run, so that runs share their parts')
