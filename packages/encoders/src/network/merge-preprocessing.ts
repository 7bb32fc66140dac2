import { checkOptions, type Preprocessing } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'

/** A whole preprocessing, or what is to be otherwise than the model says. */
export type PreprocessingChanges = Partial<Preprocessing>

const FIELDS = Object.keys(preprocessingSchema.shape) as (keyof Preprocessing)[]

/**
 * What the caller says, over what the model says of itself; what nobody says gets the schema's defaults.
 *
 * @param own asked only where the caller leaves something open
 * @returns undefined where neither says anything
 * @throws `config/invalid` where the two together are no preprocessing
 */
export async function mergePreprocessing(
  given: PreprocessingChanges | undefined,
  own: () => Promise<Preprocessing | undefined> | Preprocessing | undefined,
): Promise<Preprocessing | undefined> {
  const known = FIELDS.every((field) => given?.[field] !== undefined) ? undefined : await own()
  if (!given) return known
  return checkOptions('preprocessing', preprocessingSchema, { ...known, ...given })
}
