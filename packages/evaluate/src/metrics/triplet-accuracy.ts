import { LookalikeError } from '@lookalike/core'

/**
 * Share of triples whose closer image really is the closer one. Equal distances count half, as a coin would (ours).
 *
 * @param toCloser distance of each reference to the image that people chose
 * @param toOther distance of each reference to the other image
 * @throws `metrics/shape`
 */
export function tripletAccuracy(toCloser: ArrayLike<number>, toOther: ArrayLike<number>): number {
  if (toCloser.length !== toOther.length || toCloser.length === 0) {
    throw new LookalikeError('metrics/shape', {
      problem: `${toCloser.length} distances to the closer images came with ${toOther.length} to the others`,
      expected: 'one of each a triple, and at least one triple',
    })
  }
  let right = 0
  for (let i = 0; i < toCloser.length; i++) {
    if (toCloser[i]! < toOther[i]!) right++
    else if (toCloser[i] === toOther[i]) right += 0.5
  }
  return right / toCloser.length
}
