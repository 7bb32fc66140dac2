import { type Box, type DatasetItem, LookalikeError } from '@lookalike/core'
import { shown } from '../check/shown.js'
import type { LoadContext } from '../load-context.js'

/** Edges in pixels of the upright image. */
export interface PixelEdges {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

/** An item and its box as it was given, where it has one in pixels. */
export interface BoxedItem {
  readonly item: DatasetItem
  readonly edges?: PixelEdges | undefined
  /** Where it stands, for errors; default: its id. */
  readonly where?: string | undefined
}

/** Pixels that boxes may run past their image in silence: one where pixels are counted from 1, one for rounding. */
const SLACK = 2

/**
 * Boxes given in pixels as fractions: reads the header of each image for its size. Edges beyond the image are cut off, with the warning
 * `dataset/boxes-cut` where that is more than counting from 1 explains.
 *
 * @throws `dataset/box-outside`, `dataset/image-size`
 */
export async function withPixelBoxes(
  boxed: readonly BoxedItem[],
  context: Pick<LoadContext, 'warn' | 'signal'>,
): Promise<DatasetItem[]> {
  const result = boxed.map(({ item }) => item)
  if (!boxed.some(({ edges }) => edges)) return result
  const { default: sharp } = await import('sharp')
  const cut: string[] = []
  let next = 0
  const work = async () => {
    for (let at = next++; at < boxed.length; at = next++) {
      context.signal?.throwIfAborted()
      const { item, edges, where = item.id } = boxed[at]!
      if (!edges) continue
      const size = await uprightSize(item, sharp)
      const beyond = Math.max(-edges.left, -edges.top, edges.right - size.width, edges.bottom - size.height)
      if (beyond > SLACK) cut.push(where)
      result[at] = { ...item, box: fraction(edges, size, item.id, where) }
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  if (cut.length > 0) {
    context.warn({
      code: 'dataset/boxes-cut',
      message: `${cut.length} boxes run past the edges of their images and are cut there: ${shown(cut.sort())}. Are they corner and size, or edges? In pixels of these files?`,
      fields: { boxes: cut },
    })
  }
  return result
}

/** Throws `dataset/box-outside` for a box without area inside the image. */
function fraction(
  edges: PixelEdges,
  size: { readonly width: number; readonly height: number },
  id: string,
  where: string,
): Box {
  const cut = (value: number, limit: number) => Math.min(Math.max(value, 0), limit) / limit
  const x = cut(edges.left, size.width)
  const y = cut(edges.top, size.height)
  const width = cut(edges.right, size.width) - x
  const height = cut(edges.bottom, size.height) - y
  if (width > 0 && height > 0) return { x, y, width, height }
  throw new LookalikeError(
    'dataset/box-outside',
    {
      problem: `${where}: the box of ${id} (${edges.left}, ${edges.top} to ${edges.right}, ${edges.bottom}) has no area inside its ${size.width} x ${size.height} image`,
      expected: 'left < right and top < bottom, in pixels of the upright image',
    },
    { fields: { id, where, ...edges, ...size } },
  )
}

type Sharp = typeof import('sharp').default

async function uprightSize(item: DatasetItem, sharp: Sharp): Promise<{ width: number; height: number }> {
  try {
    return (await sharp(item.source as string | Uint8Array).metadata()).autoOrient
  } catch (cause) {
    throw new LookalikeError(
      'dataset/image-size',
      {
        problem: `The box of ${item.id} is in pixels, and the size of its image cannot be read: ${(cause as Error).message}`,
        fix: "Set missingImages to 'skip' where images are missing, or boxes to false.",
      },
      { fields: { id: item.id, source: item.source }, cause },
    )
  }
}
