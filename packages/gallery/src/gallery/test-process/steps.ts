import { createRandom } from '@lookalike/core'

/** What the writer process does to a gallery. */
export type Step =
  | { readonly op: 'add'; readonly items: readonly { readonly id: string; readonly hash: string }[] }
  | { readonly op: 'remove' | 'reject'; readonly ids: readonly string[] }

const numbers = (name: string, count: number) => {
  const random = createRandom(name)
  return Array.from({ length: count }, () => Math.fround(random.normal()))
}

/** The vectors that belong to an image's content. */
export const vectorOf = (hash: string): number[] => numbers(hash, 8)
export const memberVector = (hash: string): number[] => numbers(`member ${hash}`, 4)
