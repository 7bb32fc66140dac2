import { stat } from 'node:fs/promises'
import path from 'node:path'
import { type Box, type Dataset, type ImageSource, LookalikeError, type Metadata } from '@lookalike/core'
import { isUrl } from '../read/is-url.js'
import { type LeftOut, listImages } from '../read/list-images.js'

/** An image on its way into a gallery. */
export interface ImageToIndex {
  /** Its id in the gallery. Default: of a file its path from the gallery's root, of a URL the URL; anything else has none of its own. */
  readonly id?: string | undefined
  readonly source: ImageSource
  readonly box?: Box | undefined
  readonly metadata?: Metadata | undefined
  /** Tells images that are cut from one file apart: comes behind its path in the id. */
  readonly part?: string | undefined
}

/** An image that was found in a folder. */
export interface FoundImage extends ImageToIndex {
  /** Its folder's name, its label where nothing else is said. */
  readonly folderName?: string | undefined
}

/** The gallery images of a dataset. Ids that a dataset takes from the paths of its files become the gallery's own. */
export function imagesOfDataset({ items }: Dataset): ImageToIndex[] {
  return items
    .filter(({ isGallery }) => isGallery)
    .map(({ id, source, box, label, split, category, metadata }) => ({
      ...(isPath(source) && endsWith(source, id, box !== undefined) ? { part: partOf(id, box !== undefined) } : { id }),
      source: isPath(source) ? path.resolve(source) : source,
      box,
      metadata: { ...metadata, label, split, ...(category !== undefined && { category }) },
    }))
}

const isPath = (source: ImageSource): source is string => typeof source === 'string' && !isUrl(source)

function endsWith(source: string, id: string, boxed: boolean): boolean {
  const part = partOf(id, boxed)
  const end = part === undefined ? id : id.slice(0, -part.length - 1)
  return `/${path.resolve(source).split(path.sep).join('/')}`.endsWith(`/${end}`)
}

/** What stands behind the path in the id of an image that is cut from a file. */
function partOf(id: string, boxed: boolean): string | undefined {
  const at = boxed ? id.lastIndexOf('#') : -1
  return at < 0 ? undefined : id.slice(at + 1)
}

export interface FoundImages {
  readonly images: readonly FoundImage[]
  readonly leftOut: readonly LeftOut[]
  /** Folders whose images are not known, absolute. */
  readonly unread: readonly string[]
}

/**
 * Image files of folders, single files, and URLs. The folder that an image lies in becomes its label.
 *
 * @throws `image/not-found` for a path that does not exist, `image/unreadable-folder`
 */
export async function imagesOfPaths(
  paths: readonly string[],
  options: {
    readonly signal?: AbortSignal | undefined
    readonly except?: readonly string[] | undefined
    readonly onFound?: ((images: number) => void) | undefined
  } = {},
): Promise<FoundImages> {
  const { signal, except, onFound } = options
  const images: FoundImage[] = []
  const leftOut: LeftOut[] = []
  const unread: string[] = []
  const add = (file: string) => {
    images.push({ source: file, folderName: path.basename(path.dirname(file)) })
    if (images.length % 1000 === 0) onFound?.(images.length)
  }
  for (const given of paths) {
    if (isUrl(given)) {
      images.push({ source: given })
      continue
    }
    const full = path.resolve(given)
    const what = await stat(full).catch((cause: unknown) => {
      throw new LookalikeError(
        'image/not-found',
        { problem: `There is nothing at ${full}`, expected: 'image files or folders of them' },
        { fields: { path: full }, cause },
      )
    })
    if (!what.isDirectory()) {
      add(full)
      continue
    }
    const onLeftOut = (found: LeftOut) => {
      // Named as they were given: `photos/notes.txt`.
      leftOut.push({ kind: found.kind, path: `${given.replace(/[/\\]+$/, '')}/${found.path}` })
      if (found.kind === 'unreadable') unread.push(path.join(full, found.path))
    }
    for await (const below of listImages(full, { signal, except, onLeftOut })) add(path.join(full, below))
  }
  return { images, leftOut, unread }
}
