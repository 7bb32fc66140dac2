import { checkOptions } from '@lookalike/core'
import * as z from 'zod'
import { inverseRowNorms, normaliseRows, normaliseRowsBackward } from '../kernels/row-norms.js'
import { symmetricEigenvalues } from '../kernels/symmetric-eigenvalues.js'
import { matrix } from '../products/products.js'
import { weightAt, weightSchema } from '../weight-schedule.js'
import { largestCosine } from './largest-cosine.js'
import type { Regulariser } from './regulariser.js'

/*
 * Soft Orthogonality of proxies: L_SO = ||P^T P - I||_F^2, P the C x D matrix of proxies.
 * Saberi-Movahed et al., "Deep Metric Learning with Soft Orthogonal Proxies", 2023, arXiv 2306.13055.
 */

export const softOrthogonalityOptions = z.strictObject({
  lambda: z
    .union([z.literal('auto'), weightSchema])
    .default('auto')
    .describe(
      'Weight of the term, >= 0, or a schedule. `auto` is `2 / C * sqrt(D / (C - 1))` for C proxies of D dimensions (ours: the source gives no weight).',
    ),
  normalise: z.boolean().default(true).describe('Divide each proxy by its norm first. Ours: the source does not tell.'),
  divide: z.boolean().default(false).describe('Divide the term by C(C - 1), which needs a weight of its own. Ours.'),
})

export type SoftOrthogonalityOptions = z.input<typeof softOrthogonalityOptions>

/** Multiply-adds a step that the log's largest cosine may cost, averaged over the steps. */
const COSINE_BUDGET = 3e8
/** The same for the spectrum, which no matrix product of the runtime computes. */
const SPECTRUM_BUDGET = 3e6

/**
 * The weight with which the undivided term pulls a proxy a quarter as hard as Proxy Anchor does, while the proxies point
 * anywhere; so it means the same for 25 classes and for 11,318 (ours).
 *
 * Proxy Anchor's gradient of one proxy is `alpha / C` times a mean of unit vectors, whether as one of all proxies (every step)
 * or of those with positives (`alpha / |P+|` in |P+| of C steps). The term's is `4 sum_j cos_ij p_j` without its part along
 * p_i: squared, `16 sum_j cos_ij^2`, and the squared cosine of random unit vectors is 1 / D in the mean. So
 * `lambda * 4 sqrt((C - 1) / D) = share * alpha / C`, with alpha = 32 and share = 1/4.
 */
export function defaultLambda(classes: number, dim: number): number {
  const [alpha, share] = [32, 1 / 4]
  return ((share * alpha) / (4 * classes)) * Math.sqrt(dim / Math.max(classes - 1, 1))
}

/**
 * The regulariser. Logs:
 *
 * - `soft-orthogonality`: the term before lambda, and `soft-orthogonality/lambda`;
 * - `soft-orthogonality/off-diagonal`: sum of the squared cosines between different proxies, at least `C^2 / D - C` when C > D;
 * - `soft-orthogonality/largest-cosine`: between two different proxies;
 * - `soft-orthogonality/dimensions`: how many dimensions the proxies fill evenly, `(sum e)^2 / sum e^2` over the spectrum e, at
 *   most min(C, D);
 * - `soft-orthogonality/spectrum-largest`, `-smallest`: largest and smallest eigenvalue of the smaller of `P P^T` and `P^T P`,
 *   as multiples of their mean, which orthogonal or evenly spread proxies have throughout.
 *
 * With many classes or dimensions the cosine and the spectrum come at every nth step only, since they cost C^2 D and
 * min(C, D)^3.
 */
export function softOrthogonality(options: SoftOrthogonalityOptions = {}): Regulariser {
  const { lambda, normalise, divide } = checkOptions('soft-orthogonality', softOrthogonalityOptions, options)
  return async ({ proxies, rows, dim, step, totalSteps, products }) => {
    const divisor = divide ? Math.max(rows * (rows - 1), 1) : 1
    const weight = lambda === 'auto' ? defaultLambda(rows, dim) * divisor : weightAt(lambda, step, totalSteps)
    const inverse = inverseRowNorms(proxies, rows, dim)
    const unit = matrix(normaliseRows(proxies, dim, inverse), rows, dim)
    const P = normalise ? unit : matrix(proxies, rows, dim)
    // ||P P^T - I_C||^2 - ||P^T P - I_D||^2 = C - D, with one gradient 4 P (P^T P - I): the smaller side is enough.
    const wide = rows <= dim
    const gram = wide ? await products.abt(P, P) : await products.atb(P, P)
    const logs: Record<string, number> = {
      'soft-orthogonality/lambda': weight,
      ...spectrumLogs(gram.data, gram.rows, step),
    }
    let value = wide ? dim - rows : 0
    for (let i = 0; i < gram.rows; i++) gram.data[i * gram.rows + i]! -= 1
    for (let i = 0; i < gram.data.length; i++) {
      value += gram.data[i]! ** 2
      gram.data[i]! *= (4 * weight) / divisor
    }
    const gradient = (wide ? await products.ab(gram, P) : await products.ab(P, gram)).data
    if (normalise) normaliseRowsBackward(gradient, proxies, dim, inverse, false)

    logs['soft-orthogonality'] = value / divisor
    if (normalise) logs['soft-orthogonality/off-diagonal'] = value + rows - dim
    if (rows > 1 && due(step, (rows * rows * dim) / 2, COSINE_BUDGET))
      logs['soft-orthogonality/largest-cosine'] = await largestCosine(unit, products)
    return { value: (weight * value) / divisor, gradient, logs }
  }
}

/** Whether what costs so many multiply-adds is due at this step. */
const due = (step: number, cost: number, budget: number) => step % Math.ceil(cost / budget) === 0

function spectrumLogs(gram: Float32Array, side: number, step: number): Record<string, number> {
  let trace = 0
  let squares = 0
  for (let i = 0; i < side; i++) trace += gram[i * side + i]!
  for (let i = 0; i < gram.length; i++) squares += gram[i]! ** 2
  const logs: Record<string, number> = {}
  if (squares > 0) logs['soft-orthogonality/dimensions'] = trace ** 2 / squares
  if (trace > 0 && due(step, (4 / 3) * side ** 3, SPECTRUM_BUDGET)) {
    const spectrum = symmetricEigenvalues(gram, side)
    logs['soft-orthogonality/spectrum-largest'] = (spectrum[0]! * side) / trace
    logs['soft-orthogonality/spectrum-smallest'] = (Math.max(spectrum[side - 1]!, 0) * side) / trace
  }
  return logs
}
