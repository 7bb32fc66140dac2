import type { DatasetItem, Random } from '@lookalike/core'

/** Images of a class that are drawn before another class is: of two images alone, neither is easily found. */
const TOGETHER = 8

/**
 * Draws images of classes that have two or more: eight of a class, or all that it has, class by class; then one more of each class in turn.
 *
 * @param most images, at least 2
 * @returns the images drawn, in the order of `items`, and the classes that there were to draw from
 */
export function drawImages(
  items: readonly DatasetItem[],
  most: number,
  random: Random,
): { readonly drawn: readonly DatasetItem[]; readonly classes: readonly (readonly DatasetItem[])[] } {
  const byLabel = new Map<string, DatasetItem[]>()
  for (const item of items) {
    if (!item.isQuery || !item.isGallery) continue
    const members = byLabel.get(item.label)
    if (members) members.push(item)
    else byLabel.set(item.label, [item])
  }
  const classes = [...byLabel.values()].filter((members) => members.length > 1)
  const drawn = new Set<DatasetItem>()
  let left: DatasetItem[][] = []
  for (const members of shuffled(classes, random)) {
    const wanted = Math.min(TOGETHER, most - drawn.size)
    if (wanted < 2) break
    const order = shuffled(members, random)
    for (const item of order.slice(0, wanted)) drawn.add(item)
    left.push(order.slice(wanted))
  }
  while (left.length > 0 && drawn.size < most) {
    left = left.filter((rest) => rest.length > 0)
    for (const rest of left) if (drawn.size < most) drawn.add(rest.pop()!)
  }
  return { drawn: items.filter((item) => drawn.has(item)), classes }
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return Array.from(random.permutation(list.length), (at) => list[at]!)
}
