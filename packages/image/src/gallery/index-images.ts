import { realpath } from 'node:fs/promises'
import path from 'node:path'
import {
  type Gallery,
  type GalleryEntry,
  type GalleryItem,
  galleryEntries,
  galleryPages,
  type ImageLimits,
  isLookalikeError,
  LookalikeError,
  type Metadata,
  type Model,
  type ModelImages,
  type OperationOptions,
  type RawImage,
  toWarning,
  type Warning,
} from '@lookalike/core'
import { describeSource } from '../read/describe-source.js'
import { createRealPaths, imageId } from '../read/image-id.js'
import { isUrl } from '../read/is-url.js'
import { type LeftOut, leftOutWarnings } from '../read/list-images.js'
import { readImage } from '../read/read-image.js'
import { toGallerySource } from './gallery-source.js'
import {
  duplicateId,
  type FoundImage,
  type FoundImages,
  findImages,
  type ImageToIndex,
  idsOfListing,
  noId,
} from './images-to-index.js'
import { listingDigest, type Shard, type ShardNote, shardRange, writeShardNote } from './shard.js'

export interface IndexImagesOptions extends OperationOptions, ImageLimits {
  /** Takes images out of the gallery that are not among the given ones. Default false. */
  readonly prune?: boolean | undefined
  /** What an image that cannot be read does. Default `skip`. */
  readonly onCorrupt?: 'skip' | 'fail' | undefined
  /** Folders that are passed over, absolute: those of galleries, caches and runs. */
  readonly except?: readonly string[] | undefined
  /**
   * Index this part of the images alone. All processes have to be given the same images. A gallery that is a folder notes which shard it holds, for
   * `mergeShards`. Default: all.
   */
  readonly shard?: Shard | undefined
}

/** An image that was left out because it could not be read. */
export interface SkippedImage {
  readonly id: string
  readonly code: string
  readonly message: string
}

export interface Indexed {
  /** In the gallery now. */
  readonly images: number
  readonly added: number
  /** The image of that id has changed. */
  readonly replaced: number
  /** The image is the same, what is said of it has changed. */
  readonly updated: number
  readonly unchanged: number
  readonly removed: number
  readonly skipped: readonly SkippedImage[]
  /** What lies in the given folders and was not tried. */
  readonly leftOut: readonly LeftOut[]
}

/** Images read, embedded and written at a time: what a crash may cost. */
const CHUNK_IMAGES = 128
const CHUNK_BYTES = 64 << 20
/** Files read at once. */
const READERS = 8

/**
 * Embeds images into a gallery. Each is read once; unchanged ones cost no more than that, changed ones are replaced. A
 * file has the same id from everywhere: its path from the gallery's root, with forward slashes. A file that is there
 * under another id, given earlier, keeps that one.
 *
 * @param images folders, files, URLs, or images with what is to be said of them
 * @throws `index/no-images` when there is nothing to index, `index/nothing-readable` when none of the images could be
 * read, `index/duplicate-id`, the codes of image reading with `onCorrupt: 'fail'`, those of the gallery.
 */
export async function indexImages(
  gallery: Gallery,
  model: Pick<Model, 'embed'>,
  images: string | readonly (string | ImageToIndex)[],
  options: IndexImagesOptions = {},
): Promise<Indexed> {
  const { signal, onProgress, onWarning, shard } = options
  const all = await findImages(images, options)
  for (const warning of leftOutWarnings(all.leftOut)) onWarning?.(warning)
  const found = shard ? await beginShard(gallery, all, shard) : { ...all, note: undefined }

  const places = await createPlaces(gallery)
  const counts = { added: 0, replaced: 0, updated: 0, unchanged: 0 }
  const skipped: SkippedImage[] = []
  const wanted = new Map<string, string>()
  let done = 0
  const report = (more: number) =>
    onProgress?.({ phase: 'index', done: done + more, total: found.images.length, unit: 'image' })

  for await (const chunk of readChunks(found.images, options)) {
    signal?.throwIfAborted()
    await places.settle(chunk.read)
    const fresh: FreshImage[] = []
    const changes: { id: string; metadata?: Metadata | undefined; source?: string | undefined }[] = []
    const renamed: { readonly from: string; readonly to: string }[] = []
    const placed = await places.of(chunk.read.map(({ image }) => image))
    const entries = await entriesOf(gallery, placed.flat())
    for (const [i, each] of chunk.read.entries()) {
      for (const place of placed[i]!) {
        if (isTwice(wanted, place, each.image)) continue
        if (each.failure) {
          skipped.push({ id: place.id, code: each.failure.code, message: each.failure.message })
          continue
        }
        const entry = entries.get(place.id)
        if (place.instead !== undefined) renamed.push({ from: place.instead, to: place.id })
        if (!entry || entry.hash !== each.hash) fresh.push({ ...each, ...place, replaces: entry !== undefined })
        else {
          const change = changeOf(entry, place, each.image)
          counts[change ? 'updated' : 'unchanged']++
          if (change) changes.push(change)
        }
      }
      if (each.failure) onWarning?.(each.failure)
    }
    if (changes.length > 0) await gallery.update(changes)
    const kept = await embedInto(gallery, model, fresh, options, report, (image, warning) =>
      skipped.push({ id: image.id, code: warning.code, message: warning.message }),
    )
    for (const { replaces } of kept) counts[replaces ? 'replaced' : 'added']++
    if (renamed.length > 0) {
      const there = await gallery.get(renamed.map(({ to }) => to))
      await gallery.remove(renamed.filter((_, i) => there[i]).map(({ from }) => from))
    }
    done += chunk.read.length
    report(0)
  }
  if (!shard && skipped.length > 0 && skipped.length === wanted.size) throw nothingReadable(skipped, found)
  const removed = options.prune ? await prune(gallery, wanted, places, found.unread) : 0
  if (shard) await noteShard(gallery, { ...found.note!, finished: true, skipped })
  return { images: await gallery.count(), ...counts, removed, skipped, leftOut: found.leftOut }
}

/** Cuts a shard out of what was found, and notes in its gallery that it is being made. */
async function beginShard(gallery: Gallery, all: FoundImages, shard: Shard) {
  const { number, of } = shard
  const { start, end } = shardRange(all.images.length, shard)
  const listing = listingDigest(await idsOfListing(all.images, gallery.root))
  const note: ShardNote = { shard: number, of, listing, images: all.images.length, finished: false, skipped: [] }
  await noteShard(gallery, note)
  return { ...all, images: all.images.slice(start, end), note }
}

/** Where several processes write to one gallery, no note of it speaks for all. */
async function noteShard({ folder, capabilities }: Gallery, note: ShardNote): Promise<void> {
  if (folder !== undefined && capabilities.writers === 'one') await writeShardNote(folder, note)
}

interface ReadImage {
  readonly image: FoundImage
  readonly content?: Uint8Array | RawImage | undefined
  readonly hash?: string | undefined
  readonly failure?: Warning | undefined
}

/** Images in chunks, read and hashed once; the next chunk is read while the caller works on one. */
async function* readChunks(images: readonly FoundImage[], options: IndexImagesOptions) {
  const { signal, maxBytes, urls, onCorrupt } = options
  let next = 0
  const readOne = async (image: FoundImage): Promise<ReadImage> => {
    try {
      return { image, ...(await readImage(requestOf(image), { signal, maxBytes, urls })) }
    } catch (error) {
      if (onCorrupt === 'fail' || signal?.aborted || !isOfImage(error)) throw error
      return { image, failure: toWarning(error, { source: describeSource(image.source) }) }
    }
  }
  const readChunk = async (): Promise<{ readonly read: readonly ReadImage[] } | undefined> => {
    if (next >= images.length) return undefined
    const read: ReadImage[] = []
    let bytes = 0
    while (next < images.length && read.length < CHUNK_IMAGES && bytes < CHUNK_BYTES) {
      signal?.throwIfAborted()
      const group = images.slice(next, next + READERS)
      next += group.length
      for (const each of await Promise.all(group.map(readOne))) {
        read.push(each)
        bytes += each.content instanceof Uint8Array ? each.content.byteLength : (each.content?.data.byteLength ?? 0)
      }
    }
    return { read }
  }
  let reading = readChunk()
  for (;;) {
    const chunk = await reading
    if (!chunk) return
    reading = readChunk()
    // Its turn to be awaited comes later, or never.
    reading.catch(() => {})
    yield chunk
  }
}

/** What is wrong with one image, and not with all of them. */
const isOfImage = (error: unknown): error is LookalikeError =>
  isLookalikeError(error) && error.code.startsWith('image/')

function requestOf({ source, box }: ImageToIndex) {
  return { source, box }
}

/** Where an image stands in the gallery. */
interface Place {
  readonly id: string
  /** As the gallery keeps it. */
  readonly source: string | undefined
  /** The id that its path gave it before it got one of its own. */
  readonly instead?: string | undefined
}

type Places = Awaited<ReturnType<typeof createPlaces>>

async function entriesOf(gallery: Gallery, places: readonly Place[]): Promise<ReadonlyMap<string, GalleryEntry>> {
  const ids = [...new Set(places.map(({ id }) => id))]
  const entries = await gallery.get(ids)
  return new Map(entries.flatMap((entry) => (entry ? [[entry.id, entry] as const] : [])))
}

/** Finds the ids of images: the ones that the gallery knows their files by, else those of the one rule. */
async function createPlaces(gallery: Gallery) {
  const realPath = createRealPaths()
  const base = await realpath(gallery.base).catch(() => path.resolve(gallery.base))
  const realRoot = async () => realpath(gallery.root).catch(() => gallery.root)
  let root = await realRoot()
  let settled = gallery.moveRoot === undefined
  const sourceOf = ({ source }: Pick<GalleryEntry, 'source'>) =>
    source === undefined || isUrl(source) ? source : path.resolve(base, source)

  /** Where an image is, as far as it has a place. */
  const placeOf = async ({ id, source }: ImageToIndex) => {
    const text = source instanceof URL ? source.href : source
    if (typeof text === 'string') {
      const at = isUrl(text) ? text : await realPath(text)
      return { at, own: isUrl(text) ? at : imageId(root, at), kept: toGallerySource(at, base)! }
    }
    if (id !== undefined) return undefined
    throw noId({ source })
  }

  return {
    sourceOf,
    /** A gallery that was moved without its images, or they without it, is known by images that it holds: then its root moves. */
    async settle(read: readonly ReadImage[]): Promise<void> {
      if (settled) return
      settled = true
      if (await someAreThere(gallery, sourceOf)) return
      for (const { image, hash } of read) {
        if (typeof image.source !== 'string' || isUrl(image.source)) continue
        const moved = await rootBefore(await realPath(image.source), async (ids) =>
          (await gallery.get(ids)).map((entry) => entry !== undefined && entry.hash === hash),
        )
        if (moved === undefined) continue
        const before = root
        await gallery.moveRoot!(moved)
        root = await realRoot()
        const moves = (await galleryEntries(gallery)).filter((entry) => {
          const source = sourceOf(entry)
          return source !== undefined && !isUrl(source) && withoutPart(entry) === imageId(before, source)
        })
        await gallery.update(
          moves.map((entry) => ({
            id: entry.id,
            source: toGallerySource(path.resolve(root, withoutPart(entry)), base)!,
          })),
        )
        return
      }
    },
    async of(images: readonly ImageToIndex[]): Promise<readonly (readonly Place[])[]> {
      const places: Awaited<ReturnType<typeof placeOf>>[] = []
      for (const image of images) places.push(await placeOf(image))
      const sources = new Set(places.flatMap((place) => place?.kept ?? []))
      const known = new Map<string, string[]>()
      for (const entry of await gallery.findSources([...sources])) {
        const key = keyOf(sourceOf(entry)!, entry.box)
        known.set(key, [...(known.get(key) ?? []), entry.id])
      }
      return images.map(({ id, box, part }, i) => {
        const place = places[i]
        if (!place) return [{ id: id!, source: undefined }]
        const { at, own: path, kept } = place
        const own = `${path}${part === undefined ? '' : `#${part}`}`
        const ids = known.get(keyOf(at, box))
        if (id === undefined) return (ids ?? [own]).map((each) => ({ id: each, source: kept }))
        return [{ id, source: kept, instead: id !== own && ids?.includes(own) ? own : undefined }]
      })
    },
  }
}

/** Whether any of the first image files of a gallery is where it is said to be; true of a gallery without any. */
async function someAreThere(gallery: Gallery, sourceOf: (entry: GalleryEntry) => string | undefined): Promise<boolean> {
  let files = 0
  for await (const { entries } of galleryPages(gallery, { limit: 64 })) {
    for (const entry of entries) {
      const source = sourceOf(entry)
      if (source === undefined || isUrl(source)) continue
      if (await realpath(source).catch(() => undefined)) return true
      if (++files === 8) return false
    }
  }
  return files === 0
}

const keyOf = (source: string, box: ImageToIndex['box']) =>
  box ? `${source}#${box.x},${box.y},${box.width},${box.height}` : source

const withoutPart = ({ id, box }: GalleryEntry) => (box ? id.replace(/#[^#]*$/, '') : id)

/** The folder above a file from which its path is the id of the very same image. */
async function rootBefore(
  file: string,
  areHeld: (ids: readonly string[]) => Promise<readonly boolean[]>,
): Promise<string | undefined> {
  const parts = file.split(path.sep)
  const starts = Array.from({ length: parts.length - 1 }, (_, i) => parts.length - 1 - i)
  const held = await areHeld(starts.map((from) => parts.slice(from).join('/')))
  const from = starts.find((_, i) => held[i])
  return from === undefined ? undefined : parts.slice(0, from).join(path.sep) || path.sep
}

/** Whether an image came before in this run: the same file may be named by several paths. */
function isTwice(wanted: Map<string, string>, { id, source }: Place, image: ImageToIndex): boolean {
  const earlier = wanted.get(id)
  const own = source ?? ''
  if (earlier === undefined) {
    wanted.set(id, own)
    return false
  }
  if (earlier === own && source !== undefined) return true
  throw duplicateId(id, image)
}

/** What is said of an image that is there, where it has changed. The mere name of its folder changes nothing. */
function changeOf(
  entry: GalleryEntry,
  { id, source }: Place,
  { metadata }: ImageToIndex,
): { id: string; metadata?: Metadata | undefined; source?: string | undefined } | undefined {
  const old = entry.metadata ?? {}
  const keys = Object.keys(metadata ?? {})
  const differs =
    metadata !== undefined &&
    (keys.length !== Object.keys(old).length || keys.some((key) => old[key] !== metadata[key]))
  const moved = source !== undefined && entry.source !== source
  if (!differs && !moved) return undefined
  return { id, metadata: differs ? metadata : undefined, source: moved ? source : undefined }
}

interface FreshImage extends ReadImage, Place {
  readonly replaces: boolean
}

async function embedInto(
  gallery: Gallery,
  model: Pick<Model, 'embed'>,
  fresh: readonly FreshImage[],
  options: IndexImagesOptions,
  report: (done: number) => void,
  onSkip: (image: FreshImage, warning: Warning) => void,
): Promise<readonly FreshImage[]> {
  if (fresh.length === 0) return []
  const { signal, onWarning, onCorrupt, maxBytes, maxPixels, deadline, truncated, urls } = options
  const warnings = new Map<number, Warning>()
  const embedded = await model.embed(
    fresh.map(({ image, content, hash }) => ({ ...requestOf(image), content, hash })),
    'gallery',
    {
      signal,
      onCorrupt,
      maxBytes,
      maxPixels,
      deadline,
      truncated,
      urls,
      onProgress: ({ done }) => report(done),
      onWarning(warning) {
        if (typeof warning.fields.position === 'number') warnings.set(warning.fields.position, warning)
        onWarning?.(warning)
      },
    },
  )
  const present = new Set(embedded.positions)
  for (const [position, image] of fresh.entries()) {
    if (present.has(position)) continue
    onSkip(image, warnings.get(position) ?? { code: 'image/unreadable', message: 'It was left out', fields: {} })
  }
  const kept = Array.from(embedded.positions, (position) => fresh[position]!)
  if (kept.length > 0)
    await gallery.add(
      kept.map((image, row) => itemOf(image, embedded, row)),
      vectorsOf(embedded),
    )
  return kept
}

function vectorsOf({ embeddings, members }: ModelImages) {
  return { embeddings, members }
}

function itemOf({ id, hash, source, image }: FreshImage, { uncertainty }: ModelImages, row: number): GalleryItem {
  const metadata = image.metadata ?? (image.folderName === undefined ? undefined : { label: image.folderName })
  return {
    id,
    hash: hash!,
    metadata,
    source,
    box: image.box,
    uncertainty: uncertainty?.[row],
  }
}

/** What lies in a folder that could not be read may still be there. */
async function prune(
  gallery: Gallery,
  wanted: ReadonlyMap<string, string>,
  { sourceOf }: Places,
  unread: readonly string[],
): Promise<number> {
  const realPath = createRealPaths()
  const hidden = await Promise.all(unread.map(async (folder) => `${await realPath(folder)}${path.sep}`))
  const gone: string[] = []
  for await (const { entries } of galleryPages(gallery))
    for (const entry of entries) {
      const source = sourceOf(entry)
      if (!wanted.has(entry.id) && !hidden.some((start) => source?.startsWith(start))) gone.push(entry.id)
    }
  return gone.length > 0 ? gallery.remove(gone) : 0
}

function nothingReadable(skipped: readonly SkippedImage[], { leftOut }: FoundImages): LookalikeError {
  return new LookalikeError(
    'index/nothing-readable',
    {
      problem:
        skipped.length === 1
          ? `The only image could not be read. ${skipped[0]!.message}`
          : `None of the ${skipped.length} images could be read. The first: ${skipped[0]!.message}`,
    },
    { fields: { skipped, leftOut } },
  )
}
