import * as z from 'zod'
import type { Regulariser } from '../regularise/regulariser.js'
import { softOrthogonality, softOrthogonalityOptions } from '../regularise/soft-orthogonality.js'

/** What every loss with proxies takes. */
export const proxyOptions = {
  proxyLearningRate: z
    .number()
    .positive()
    .default(100)
    .describe(
      "Multiplies the trainer's learning rate for the proxies, > 0. 100 is Proxy Anchor's; for other losses it is ours.",
    ),
  orthogonality: z
    .union([z.literal(false), softOrthogonalityOptions])
    .default(false)
    .describe('Carry Soft Orthogonality on the proxies: `{ lambda, normalise, divide }`, or `{}` for the defaults.'),
}

/** Terms on the proxies that only code can give. */
export interface ProxyExtras {
  readonly regularisers?: readonly Regulariser[] | undefined
}

export function regularisersOf(
  orthogonality: false | z.output<typeof softOrthogonalityOptions>,
  extras: ProxyExtras,
): readonly Regulariser[] {
  return [...(orthogonality ? [softOrthogonality(orthogonality)] : []), ...(extras.regularisers ?? [])]
}
