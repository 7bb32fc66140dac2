import { rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import {
  createEmbeddings,
  type Embeddings,
  type Gallery,
  type GalleryEntry,
  isLookalikeError,
  type OperationOptions,
  rowOf,
} from '@lookalike/core'
import { confineSource, hashImage } from '@lookalike/image'
import { baseOf, entriesOf, lookUp, vectorsOf } from '../care/reading.js'
import { isThere, moveFile } from './move-file.js'
import {
  createMoveJournal,
  decodeNumbers,
  encodeNumbers,
  entryOfMove,
  MOVE_JOURNAL,
  type MoveLine,
  readMoveJournal,
} from './move-journal.js'

/** An image that goes, and its file. */
export interface ImageToMove {
  readonly entry: GalleryEntry
  /** Undefined where there is no file of its own. */
  readonly file: string | undefined
}

export interface MovedAside {
  /** Absolute; it says in `moved.jsonl` where each file came from. */
  readonly folder: string
  readonly moved: readonly { readonly id: string; readonly from: string; readonly to: string }[]
  /** Left where they are. */
  readonly left: readonly { readonly id: string; readonly why: 'no-file' | 'part' | 'shared' | 'changed' | 'missing' }[]
}

/**
 * Moves images into a folder and takes them out of the gallery. Nothing is deleted: each move is written down before it happens, with everything that
 * {@link undoMove} needs, and a file is only moved where it still is what the gallery knows. What is cut from a larger file, shares its file with an
 * image that stays, or has none, is left.
 *
 * @throws `move/exists`, `move/failed`, the codes of the gallery
 */
export async function moveAside(
  gallery: Gallery,
  images: readonly ImageToMove[],
  to: string,
  { signal, onProgress }: OperationOptions = {},
): Promise<MovedAside> {
  const folder = path.resolve(to)
  const moved: { id: string; from: string; to: string }[] = []
  const left: { id: string; why: MovedAside['left'][number]['why'] }[] = []
  const going = new Set(images.map(({ entry }) => entry.id))
  const shared = await sharedFiles(gallery, going)
  const journal = await createMoveJournal(folder)
  const names = new Set<string>([MOVE_JOURNAL])
  try {
    for (const [done, { entry, file }] of images.entries()) {
      signal?.throwIfAborted()
      const why = await whyLeft(entry, file, shared)
      if (why !== undefined || file === undefined) left.push({ id: entry.id, why: why ?? 'no-file' })
      else {
        const name = freeName(gallery.root, file, names)
        await journal.write({ from: file, to: name, entry: entryOfMove(entry), ...(await numbersOf(gallery, entry)) })
        await moveFile(file, path.join(folder, name))
        moved.push({ id: entry.id, from: file, to: path.join(folder, name) })
      }
      onProgress?.({ phase: 'move', done: done + 1, total: images.length, unit: 'image' })
    }
  } finally {
    await journal.close()
    // What was moved before an error or an interruption is out of the gallery as well.
    await gallery.remove(moved.map(({ id }) => id))
    if (moved.length === 0) await removeIfEmpty(folder)
  }
  return { folder, moved, left }
}

export interface UndoneMove {
  /** Ids of what is where it was. */
  readonly restored: readonly string[]
  /** Could not go back: something else is at its place, it is gone, or its place is none that may be written to. */
  readonly left: readonly {
    readonly id: string
    readonly from: string
    readonly why: 'in-the-way' | 'missing' | 'not-allowed'
  }[]
}

/**
 * Moves everything back that {@link moveAside} moved into a folder, into the gallery as well. What is back already stays; so a second call goes on where
 * one was interrupted. Where everything went back, the folder goes.
 *
 * @param paths folders, besides the one that the gallery lies in, that files may go back to
 * @throws `move/journal`, `move/failed`, the codes of the gallery
 */
export async function undoMove(
  gallery: Gallery,
  from: string,
  { paths, signal, onProgress }: OperationOptions & { readonly paths?: readonly string[] | undefined } = {},
): Promise<UndoneMove> {
  const folder = path.resolve(from)
  const lines = await readMoveJournal(folder)
  const restored: string[] = []
  const left: { id: string; from: string; why: UndoneMove['left'][number]['why'] }[] = []
  for (const [done, line] of lines.entries()) {
    signal?.throwIfAborted()
    const why = await putBack(gallery, folder, line, paths)
    if (why === undefined) restored.push(line.entry.id)
    else left.push({ id: line.entry.id, from: line.from, why })
    onProgress?.({ phase: 'move', done: done + 1, total: lines.length, unit: 'image' })
  }
  if (left.length === 0) {
    await rm(path.join(folder, MOVE_JOURNAL))
    await removeIfEmpty(folder, lines)
  }
  return { restored, left }
}

async function putBack(
  gallery: Gallery,
  folder: string,
  line: MoveLine,
  paths: readonly string[] | undefined,
): Promise<UndoneMove['left'][number]['why'] | undefined> {
  const { entry, to } = line
  const aside = path.join(folder, to)
  let place: string
  try {
    place = confineSource(line.from, { root: path.dirname(baseOf(gallery)), paths })
  } catch {
    return 'not-allowed'
  }
  const [isAside, isBack] = [await isThere(aside), await isThere(place)]
  if (isAside && isBack) return 'in-the-way'
  if (!isAside && !isBack) return 'missing'
  if (isAside) await moveFile(aside, place)
  const [there] = await lookUp(gallery, [entry.id])
  if (there) return undefined
  const members: Record<string, Embeddings<'gallery'>> = {}
  for (const { name, space, dim } of gallery.members)
    members[name] = matrix(decodeNumbers(line.members[name] ?? ''), space, dim)
  const embeddings = matrix(decodeNumbers(line.vector), gallery.space, gallery.dim)
  const { metadata, uncertainty, source, ...rest } = entry
  const item = {
    ...rest,
    metadata,
    uncertainty,
    source,
  }
  await gallery.add([item], { embeddings, members })
  return undefined
}

const matrix = (data: Float32Array, space: string, dim: number) =>
  createEmbeddings({ data, rows: 1, dim, space, role: 'gallery' })

async function numbersOf(gallery: Gallery, entry: GalleryEntry): Promise<Pick<MoveLine, 'vector' | 'members'>> {
  const members: Record<string, string> = {}
  for (const { name } of gallery.members)
    members[name] = encodeNumbers(rowOf(await vectorsOf(gallery, [entry], name), 0))
  return { vector: encodeNumbers(rowOf(await vectorsOf(gallery, [entry]), 0)), members }
}

/** Sources of more than one image, of which one stays. */
async function sharedFiles(gallery: Gallery, going: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const files = new Set<string>()
  for (const { id, source } of await entriesOf(gallery)) if (source !== undefined && !going.has(id)) files.add(source)
  return files
}

async function whyLeft(
  entry: GalleryEntry,
  file: string | undefined,
  shared: ReadonlySet<string>,
): Promise<MovedAside['left'][number]['why'] | undefined> {
  if (entry.box) return 'part'
  if (file === undefined) return 'no-file'
  if (entry.source !== undefined && shared.has(entry.source)) return 'shared'
  try {
    return (await hashImage({ source: file })) === entry.hash ? undefined : 'changed'
  } catch (error) {
    if (!isLookalikeError(error)) throw error
    return 'missing'
  }
}

/** The path from the gallery's root; what lies elsewhere goes by its name alone. */
function freeName(root: string, file: string, taken: Set<string>): string {
  const below = path.relative(root, file).split(path.sep)
  const outside = below[0] === '..' || path.isAbsolute(below.join('/'))
  const name = outside ? path.basename(file) : below.join('/')
  const { dir, name: base, ext } = path.posix.parse(name)
  let free = name
  for (let n = 2; taken.has(free); n++) free = path.posix.join(dir, `${base} (${n})${ext}`)
  taken.add(free)
  return free
}

/** With the empty folders that moves made in it. */
async function removeIfEmpty(folder: string, lines: readonly MoveLine[] = []): Promise<void> {
  if (lines.length === 0) await rm(path.join(folder, MOVE_JOURNAL), { force: true })
  const below = new Set<string>([''])
  for (const { to } of lines)
    for (let at = path.posix.dirname(to); at !== '.'; at = path.posix.dirname(at)) below.add(at)
  for (const each of [...below].sort((a, b) => b.length - a.length))
    await rmdir(path.join(folder, each)).catch(() => undefined)
}
