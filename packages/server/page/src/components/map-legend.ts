import type { GalleryMap } from '../api.js'

/** Told apart by people who see colours differently, too (Okabe & Ito, with two more); the last is for all other values. */
export const PALETTE = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#9467bd',
  '#b8a800',
  '#8a8f98',
] as const
export const OTHER = PALETTE.length - 1

/** Which colour each image has, and what the colours mean. */
export interface Legend {
  readonly values: readonly (readonly [value: string, count: number])[]
  readonly colours: Uint8Array
}

export function legendOf({ ids, values }: GalleryMap): Legend {
  const counts = new Map<string, number>()
  for (const value of values ?? []) if (value !== null) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  const sorted = [...counts].sort((a, b) => b[1] - a[1]).slice(0, OTHER)
  const rank = new Map(sorted.map(([value], i) => [value, i]))
  const colours = Uint8Array.from(ids, (_, i) => (values ? (rank.get(String(values[i])) ?? OTHER) : 0))
  return { values: sorted, colours }
}
