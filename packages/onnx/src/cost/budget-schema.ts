import * as z from 'zod'

/** The options of a budget by themselves, for schemas that have more. */
export const budgetBounds = {
  maxMillionMultiplications: z
    .number()
    .positive()
    .exactOptional()
    .describe('Most multiplications of an image, in millions: those of matrix products and convolutions.'),
  maxBytes: z
    .int()
    .positive()
    .exactOptional()
    .describe(
      'Most bytes of model.onnx, whose weights have 32 bits; exported for browsers it has half of them, with --int8 a quarter.',
    ),
}

/** A budget without a bound is none. */
export const hasBound = ({ maxMillionMultiplications, maxBytes }: z.output<z.ZodObject<typeof budgetBounds>>) =>
  maxMillionMultiplications !== undefined || maxBytes !== undefined
export const NO_BOUND = 'a budget needs a bound: maxMillionMultiplications, maxBytes, or both'

/** What a network may cost; `budget` of trainers. */
export const budgetSchema = z.strictObject(budgetBounds).refine(hasBound, NO_BOUND)

export type Budget = z.output<typeof budgetSchema>
