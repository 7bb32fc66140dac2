import { type Embeddings, type Encoder, LookalikeError } from '@lookalike/core'

/**
 * Refuses embeddings that are not one for each encoder, in their order.
 *
 * @throws `ensemble/members` naming both.
 */
export function checkMembers(members: readonly Embeddings[], encoders: readonly Encoder[]): void {
  const [given, wanted] = [members.map(({ space }) => space), encoders.map(({ space }) => space)]
  if (given.length === wanted.length && given.every((space, at) => space === wanted[at])) return
  throw new LookalikeError(
    'ensemble/members',
    {
      problem: `The ensemble got embeddings of ${given.join(', ') || 'no encoder'}`,
      expected: `one of each of its encoders, in their order: ${wanted.join(', ')}`,
    },
    { fields: { given, wanted } },
  )
}
