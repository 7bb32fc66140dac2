import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import {
  type Box,
  type Dataset,
  type ImageSource,
  LookalikeError,
  type Metadata,
  type OperationOptions,
} from '@lookalike/core'
import { describeSource } from '../read/describe-source.js'
import { createRealPaths, imageId } from '../read/image-id.js'
import { isUrl } from '../read/is-url.js'
import { type LeftOut, leftOutWarnings, listImages } from '../read/list-images.js'
import { listS3 } from '../read/s3/list-s3.js'
import { isS3 } from '../read/s3/s3-address.js'

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

export interface FindImagesOptions extends Pick<OperationOptions, 'signal' | 'onProgress'> {
  /** Folders that are passed over, absolute: those of galleries, caches and runs. */
  readonly except?: readonly string[] | undefined
}

export interface FoundImages {
  readonly images: readonly FoundImage[]
  readonly leftOut: readonly LeftOut[]
  /** Folders whose images are not known, absolute. */
  readonly unread: readonly string[]
}

/**
 * The images that are to be indexed, in the order in which they come into a gallery.
 *
 * @param given folders, files, URLs, or images with what is to be said of them
 * @throws `index/no-images`, `image/not-found` for a path that does not exist, `image/unreadable-folder`
 */
export async function findImages(
  given: string | readonly (string | ImageToIndex)[],
  { signal, except, onProgress }: FindImagesOptions = {},
): Promise<FoundImages> {
  const paths: string[] = []
  const images: ImageToIndex[] = []
  for (const each of typeof given === 'string' ? [given] : given) {
    if (typeof each === 'string') paths.push(each)
    else images.push(each)
  }
  const onFound = (count: number) => onProgress?.({ phase: 'list', done: count, unit: 'image' })
  const found = await imagesOfPaths(paths, { signal, except, onFound })
  if (images.length + found.images.length === 0) throw noImages(given, found)
  return { ...found, images: images.length === 0 ? found.images : images.concat(found.images) }
}

/**
 * The ids that images get in a gallery that knows none of them, in their order; of one that is named twice the same.
 *
 * @param root the gallery's
 * @throws `index/duplicate-id` when an id stands for two images, `index/no-id`
 */
export async function idsOfListing(images: readonly ImageToIndex[], root: string): Promise<string[]> {
  const realPath = createRealPaths()
  const realRoot = await realpath(root).catch(() => root)
  const sources = new Map<string, string>()
  const ids: string[] = []
  for (const image of images) {
    const { id: given, source, part } = image
    const text = source instanceof URL ? source.href : source
    const at = typeof text !== 'string' ? undefined : isUrl(text) ? text : await realPath(text)
    if (given === undefined && at === undefined) throw noId(image)
    const own = given ?? `${isUrl(at!) ? at : imageId(realRoot, at!)}${part === undefined ? '' : `#${part}`}`
    const earlier = sources.get(own)
    if (earlier !== undefined && earlier !== at) throw duplicateId(own, image)
    // Images that come as they are have no place that could be the same.
    sources.set(own, at ?? '')
    if (at === undefined && earlier === '') throw duplicateId(own, image)
    ids.push(own)
  }
  return ids
}

function counted(leftOut: readonly LeftOut[]): string {
  return leftOutWarnings(leftOut)
    .map(({ message }) => message)
    .join(' ')
}

function noImages(images: unknown, { leftOut }: FoundImages): LookalikeError {
  const where = typeof images === 'string' ? ` in ${images}` : ''
  return new LookalikeError(
    'index/no-images',
    {
      problem: `There is nothing to index${where}${leftOut.length > 0 ? `: ${counted(leftOut)}` : ''}`,
      expected: 'image files (jpg, png, webp, avif, tiff, gif, bmp, svg)',
      fix: 'Name a folder of images, or a dataset in the config.',
    },
    { fields: { leftOut } },
  )
}

export const noId = ({ source }: ImageToIndex): LookalikeError =>
  new LookalikeError('index/no-id', {
    problem: `${describeSource(source)} came without an id`,
    expected: 'a file, a URL, or an id',
  })

export const duplicateId = (id: string, { source }: ImageToIndex): LookalikeError =>
  new LookalikeError(
    'index/duplicate-id',
    {
      problem: `Two images have the id ${JSON.stringify(id)}; the second is ${describeSource(source)}`,
      expected: 'one image an id',
    },
    { fields: { id } },
  )

/**
 * Image files of folders, single files, and URLs. The folder that an image lies in becomes its label.
 *
 * @throws `image/not-found` for a path that does not exist, `image/unreadable-folder`
 */
async function imagesOfPaths(
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
  const add = (file: string, folderName = path.basename(path.dirname(file))) => {
    images.push({ source: file, folderName })
    if (images.length % 1000 === 0) onFound?.(images.length)
  }
  for (const given of paths) {
    if (isS3(given)) {
      for await (const source of listS3(given, { signal, onLeftOut: (found) => leftOut.push(found) }))
        add(source, source.split('/').at(-2))
      continue
    }
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
