import { z } from 'zod'
import { inverseRowNorms, normaliseRows, normaliseRowsBackward } from '../kernels/row-norms.js'
import { matrix } from '../products/products.js'
import { weightAt, weightSchema } from '../weight-schedule.js'
import { largestCosine } from './largest-cosine.js'
import type { Regulariser } from './regulariser.js'

/*
 * Soft Orthogonality of proxies: L_SO = ||P^T P - I||_F^2, P the C x D matrix of proxies.
 * Saberi-Movahed et al., "Deep Metric Learning with Soft Orthogonal Proxies", 2023, arXiv 2306.13055.
 */

export const softOrthogonalityOptions = z.strictObject({
  lambda: weightSchema
    .default(0.1)
    .describe('Weight of the term, >= 0, or a schedule. The default is ours: the source does not give one.'),
  normalise: z.boolean().default(true).describe('Divide each proxy by its norm first. Ours: the source does not tell.'),
  divide: z
    .boolean()
    .default(true)
    .describe('Divide the term by C(C - 1), so that one lambda serves any number of classes. Ours.'),
})

export type SoftOrthogonalityOptions = z.input<typeof softOrthogonalityOptions>

/** Multiply-adds a step that the log's largest cosine may cost, averaged over the steps. */
const COSINE_BUDGET = 3e8

/**
 * The regulariser. Logs: `soft-orthogonality` (before lambda), `soft-orthogonality/off-diagonal` (sum of the squared
 * cosines between different proxies; at least `C^2 / D - C` when C > D), `soft-orthogonality/largest-cosine` (between
 * two different proxies; with many classes only at every nth step, since it costs C^2 D).
 */
export function softOrthogonality(options: SoftOrthogonalityOptions = {}): Regulariser {
  const { lambda, normalise, divide } = softOrthogonalityOptions.parse(options)
  return async ({ proxies, rows, dim, step, totalSteps, products }) => {
    const weight = weightAt(lambda, step, totalSteps)
    const divisor = divide ? Math.max(rows * (rows - 1), 1) : 1
    const inverse = inverseRowNorms(proxies, rows, dim)
    const unit = matrix(normaliseRows(proxies, dim, inverse), rows, dim)
    const P = normalise ? unit : matrix(proxies, rows, dim)
    // ||P P^T - I_C||^2 - ||P^T P - I_D||^2 = C - D, with one gradient 4 P (P^T P - I): the smaller side is enough.
    const wide = rows <= dim
    const gram = wide ? await products.abt(P, P) : await products.atb(P, P)
    const side = gram.rows
    let value = wide ? dim - rows : 0
    for (let i = 0; i < side; i++) gram.data[i * side + i]! -= 1
    for (let i = 0; i < gram.data.length; i++) {
      value += gram.data[i]! ** 2
      gram.data[i]! *= (4 * weight) / divisor
    }
    const gradient = (wide ? await products.ab(gram, P) : await products.ab(P, gram)).data
    if (normalise) normaliseRowsBackward(gradient, proxies, dim, inverse, false)

    const logs: Record<string, number> = { 'soft-orthogonality': value / divisor }
    if (normalise) logs['soft-orthogonality/off-diagonal'] = value + rows - dim
    const every = Math.ceil((rows * rows * dim) / 2 / COSINE_BUDGET)
    if (rows > 1 && step % every === 0) logs['soft-orthogonality/largest-cosine'] = await largestCosine(unit, products)
    return { value: (weight * value) / divisor, gradient, logs }
  }
}
