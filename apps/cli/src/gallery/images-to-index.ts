import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import {
  type DatasetItem,
  type ImageRequest,
  LookalikeError,
  type Metadata,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { type Pipeline } from '@lookalike/pipeline'

/** An image on its way into a gallery. */
export interface IndexImage {
  readonly id: string
  readonly request: ImageRequest
  readonly metadata: Metadata
}

const IMAGE_FILE = /\.(jpe?g|png|webp|avif|tiff?|gif|svg)$/i

/** The gallery images of the config's dataset. */
export async function imagesOfDataset(pipeline: Pipeline): Promise<IndexImage[]> {
  const dataset = await pipeline.dataset()
  return dataset.items.filter(({ isGallery }) => isGallery).map(imageOfItem)
}

function imageOfItem(item: DatasetItem): IndexImage {
  const { id, source, box, label, split, category } = item
  return {
    id,
    request: {
      source: typeof source === 'string' && !/^[a-z][a-z0-9+.-]+:/i.test(source) ? path.resolve(source) : source,
      ...(box && { box }),
    },
    metadata: { ...item.metadata, label, split, ...(category !== undefined && { category }) },
  }
}

export interface FoundImages {
  readonly images: readonly IndexImage[]
  /** What the ids of images in folders that could not be read start with. */
  readonly unread: readonly string[]
}

/**
 * Image files of folders, and single files. Ids are paths relative to the current folder; the folder that an image lies
 * in becomes its label.
 *
 * @throws `image/not-found` for a path that does not exist.
 */
export async function imagesOfPaths(
  paths: readonly string[],
  onWarning: (warning: Warning) => void,
): Promise<FoundImages> {
  const images: IndexImage[] = []
  const unread: string[] = []
  const idOf = (file: string) => path.relative('.', file).split(path.sep).join('/')
  const add = (file: string) => {
    images.push({
      id: idOf(file),
      request: { source: file },
      metadata: { label: path.basename(path.dirname(file)) },
    })
  }
  const walk = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
      const text = { problem: `The folder ${folder} cannot be read (${cause.code})`, fix: 'Check its permissions.' }
      onWarning(toWarning(new LookalikeError('image/unreadable-folder', text, { fields: { path: folder }, cause })))
      unread.push(`${idOf(folder)}/`)
      return []
    })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name.startsWith('.')) continue
      const full = path.join(folder, entry.name)
      if (entry.isDirectory()) await walk(full)
      else if (IMAGE_FILE.test(entry.name)) add(full)
    }
  }
  for (const given of paths) {
    const full = path.resolve(given)
    const what = await stat(full).catch((cause: unknown) => {
      throw new LookalikeError(
        'image/not-found',
        { problem: `There is nothing at ${full}`, expected: 'image files or folders of them' },
        { fields: { path: full }, cause },
      )
    })
    if (what.isDirectory()) await walk(full)
    else add(full)
  }
  return { images, unread }
}
