import type { Rule } from '../rule.js'
import { activationRules } from './activation.js'
import { arithmeticRules } from './arithmetic.js'
import { convolutionRules } from './convolution.js'
import { einsum, trilu } from './einsum.js'
import { indexingRules } from './indexing.js'
import { matrixRules } from './matrix.js'
import { movementRules } from './movement.js'
import { normalisationRules } from './normalisation.js'
import { poolingRules } from './pooling.js'
import { reductionRules } from './reduction.js'
import { resizeRules } from './resize.js'

/** How to differentiate each operator. */
export const rules: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    ...arithmeticRules,
    ...activationRules,
    ...matrixRules,
    ...movementRules,
    ...normalisationRules,
    ...reductionRules,
    ...convolutionRules,
    ...poolingRules,
    ...resizeRules,
    ...indexingRules,
    Einsum: einsum,
    Trilu: trilu,
  }),
)
