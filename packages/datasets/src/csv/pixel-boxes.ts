import { type Box, type DatasetItem, LookalikeError } from '@lookalike/core'

/** Edges in pixels of the upright image. */
export interface PixelEdges {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/**
 * Boxes given in pixels as fractions: reads the header of each image for its size. Edges beyond the image are cut off.
 *
 * @throws `dataset/box-outside`, `dataset/image-size`
 */
export async function withPixelBoxes(
  items: readonly DatasetItem[],
  edges: readonly (PixelEdges | undefined)[],
  signal?: AbortSignal,
): Promise<DatasetItem[]> {
  const { default: sharp } = await import('sharp')
  const result = [...items]
  let next = 0
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      signal?.throwIfAborted()
      const item = items[at]!
      const given = edges[at]
      if (given) result[at] = { ...item, box: fraction(given, await uprightSize(item, sharp), item.id) }
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return result
}

/** Throws `dataset/box-outside` for a box without area inside the image. */
function fraction(edges: PixelEdges, size: { readonly width: number; readonly height: number }, id: string): Box {
  const cut = (value: number, limit: number) => Math.min(Math.max(value, 0), limit) / limit
  const x = cut(edges.left, size.width)
  const y = cut(edges.top, size.height)
  const width = cut(edges.right, size.width) - x
  const height = cut(edges.bottom, size.height) - y
  if (width > 0 && height > 0) return { x, y, width, height }
  throw new LookalikeError(
    'dataset/box-outside',
    {
      problem: `The box of ${id} (${edges.left}, ${edges.top} to ${edges.right}, ${edges.bottom}) has no area inside its ${size.width} x ${size.height} image`,
      expected: 'left < right and top < bottom, in pixels',
    },
    { fields: { id, ...edges, ...size } },
  )
}

type Sharp = typeof import('sharp').default

async function uprightSize(item: DatasetItem, sharp: Sharp): Promise<{ width: number; height: number }> {
  try {
    return (await sharp(item.source as string).metadata()).autoOrient
  } catch (cause) {
    throw new LookalikeError(
      'dataset/image-size',
      {
        problem: `The box of ${item.id} is in pixels, and the size of its image cannot be read: ${(cause as Error).message}`,
      },
      { fields: { id: item.id, source: item.source }, cause },
    )
  }
}
