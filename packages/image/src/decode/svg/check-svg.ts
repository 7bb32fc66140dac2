import { LookalikeError } from '@lookalike/core'
import { textOf } from '../../read/sniff-format.js'
import { svgCost } from './svg-cost.js'

const MAX_ELEMENTS = 200_000
/** Far above any drawing that was found in the wild, and still drawn in seconds (ours). */
const LIMITS = [
  ['elements', MAX_ELEMENTS, 'elements'],
  ['drawn', 1_000_000, 'elements to draw, counting what is used again'],
  ['images', 1_000, 'pictures inside it'],
  ['filterPasses', 100_000, 'passes of filters over the picture'],
] as const
const MAX_BYTES = 32 * 1024 * 1024

/** @throws `image/too-complex` for a drawing that asks for more work than any picture needs */
export function checkSvg(content: Uint8Array, name: string): void {
  if (content.byteLength > MAX_BYTES) throw tooComplex(name, 'bytes', content.byteLength, MAX_BYTES)
  const cost = svgCost(textOf(content), MAX_ELEMENTS)
  for (const [key, limit, what] of LIMITS) if (cost[key] > limit) throw tooComplex(name, what, cost[key], limit)
}

function tooComplex(name: string, what: string, found: number, limit: number): LookalikeError {
  const count = Number.isFinite(found) ? Math.round(found).toLocaleString('en') : 'an endless number of'
  return new LookalikeError(
    'image/too-complex',
    {
      problem: `The drawing ${name} has ${count} ${what} or more`,
      expected: `at most ${limit.toLocaleString('en')}`,
      fix: 'Simplify it, or save it as a PNG.',
    },
    { fields: { source: name, what, limit } },
  )
}
