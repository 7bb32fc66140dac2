import type { Random } from '../contracts/training.js'
import { LookalikeError } from '../errors.js'

/**
 * Seeded randomness: sfc32 (Chris Doty-Humphrey, PractRand), seeded through a 128-bit mix of `seed`.
 * The same seed gives the same numbers on every machine.
 *
 * @throws `random/seed` for anything but a number or a text.
 */
export function createRandom(seed: number | string): Random {
  if (typeof seed !== 'string' && (typeof seed !== 'number' || Number.isNaN(seed)))
    throw new LookalikeError('random/seed', {
      problem: `The seed is ${seed === null ? 'null' : typeof seed === 'number' ? 'NaN' : typeof seed}`,
      expected: 'a number or a text',
    })
  const text = String(seed)
  let [a, b, c, d] = hash128(text)
  const bits = () => {
    const t = (((a + b) | 0) + d) | 0
    d = (d + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return t >>> 0
  }
  for (let i = 0; i < 12; i++) bits()
  const next = () => (bits() * 2 ** 21 + (bits() >>> 11)) / 2 ** 53
  const integer = (n: number) => Math.floor(next() * n)
  let spare: number | undefined
  const normal = () => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    // Box-Muller; 1 - next() is never 0.
    const radius = Math.sqrt(-2 * Math.log(1 - next()))
    const angle = 2 * Math.PI * next()
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
  const permutation = (n: number) => {
    const order = Int32Array.from({ length: n }, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = integer(i + 1)
      const held = order[i]!
      order[i] = order[j]!
      order[j] = held
    }
    return order
  }
  return { next, integer, normal, permutation, fork: (name) => createRandom(`${text}/${name}`) }
}

/** 128 bits of a string (cyrb128 by bryc, public domain). */
function hash128(text: string): [number, number, number, number] {
  let h1 = 1779033703
  let h2 = 3144134277
  let h3 = 1013904242
  let h4 = 2773480762
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i)
    h1 = h2 ^ Math.imul(h1 ^ k, 597399067)
    h2 = h3 ^ Math.imul(h2 ^ k, 2869860233)
    h3 = h4 ^ Math.imul(h3 ^ k, 951274213)
    h4 = h1 ^ Math.imul(h4 ^ k, 2716044179)
  }
  h1 = Math.imul(h3 ^ (h1 >>> 18), 597399067)
  h2 = Math.imul(h4 ^ (h2 >>> 22), 2869860233)
  h3 = Math.imul(h1 ^ (h3 >>> 17), 951274213)
  h4 = Math.imul(h2 ^ (h4 >>> 19), 2716044179)
  return [h1 ^ h2 ^ h3 ^ h4, h2 ^ h1, h3 ^ h1, h4 ^ h1]
}
