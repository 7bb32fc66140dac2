import { lstat, opendir, stat } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError, type Warning } from '@lookalike/core'
import { type FileKind, fileKind } from './image-files.js'

/** Why something that lies in a folder is not listed. */
export type LeftOutKind = Exclude<FileKind, 'image'> | 'hidden' | 'linked-folder' | 'unreadable'

export interface LeftOut {
  readonly kind: LeftOutKind
  /** Below the listed folder, with forward slashes; folders end with one. */
  readonly path: string
}

export interface ListImagesOptions {
  readonly signal?: AbortSignal | undefined
  readonly onLeftOut?: ((leftOut: LeftOut) => void) | undefined
  /** Called for each folder below the given one that is entered; by its path, without a slash at its end. */
  readonly onFolder?: ((path: string) => void) | undefined
  /** Folders that are passed over without a word, absolute. */
  readonly except?: readonly string[] | undefined
}

/**
 * The image files of a folder and of the folders below it, by their names, one folder at a time, each sorted: paths below
 * the folder, with forward slashes. Linked files are listed; linked folders are not entered, since they may lead in
 * circles or to what is listed already. Of millions of names only those of one folder are held.
 *
 * @throws `image/unreadable-folder` when the folder itself cannot be listed; folders below that cannot are left out.
 */
export async function* listImages(folder: string, options: ListImagesOptions = {}): AsyncGenerator<string> {
  const { signal, onLeftOut, onFolder } = options
  const except = new Set(options.except?.map((each) => path.resolve(each)))
  const pending = ['']
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    signal?.throwIfAborted()
    const images: string[] = []
    const folders: string[] = []
    const others: LeftOut[] = []
    try {
      for await (const entry of await opendir(path.join(folder, below), { bufferSize: 1024 })) {
        signal?.throwIfAborted()
        const kind = await kindOf(entry, path.join(folder, below))
        if (kind === 'image') images.push(entry.name)
        else if (kind === 'folder') folders.push(entry.name)
        else if (kind !== undefined)
          others.push({ kind: kind.kind, path: `${below}${entry.name}${kind.isFolder ? '/' : ''}` })
      }
    } catch (cause) {
      signal?.throwIfAborted()
      if (below === '') throw unreadable(folder, cause)
      onLeftOut?.({ kind: 'unreadable', path: below })
      continue
    }
    for (const other of others.sort((a, b) => (a.path < b.path ? -1 : 1))) onLeftOut?.(other)
    if (below !== '') onFolder?.(below.slice(0, -1))
    for (const name of images.sort()) yield `${below}${name}`
    // The last one in comes out first.
    for (const name of folders.sort().reverse())
      if (!except.has(path.resolve(folder, below, name))) pending.push(`${below}${name}/`)
  }
}

interface Entry {
  readonly name: string
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
}

/** Files that systems leave everywhere; nobody misses them. */
const DROPPINGS = new Set(['thumbs.db', 'desktop.ini'])

async function kindOf(
  entry: Entry,
  folder: string,
): Promise<'image' | 'folder' | { readonly kind: LeftOutKind; readonly isFolder: boolean } | undefined> {
  const { name } = entry
  const full = path.join(folder, name)
  // Some file systems do not tell the type along with the name.
  const typed = entry.isFile() || entry.isDirectory() || entry.isSymbolicLink()
  const own = typed ? entry : await lstat(full).catch(() => undefined)
  if (!own) return undefined
  const isLink = own.isSymbolicLink()
  const target = isLink ? await stat(full).catch(() => undefined) : own
  const isFolder = target?.isDirectory() ?? false
  if (name.startsWith('.'))
    return isFolder || fileKind(name) === 'image' || fileKind(name) === 'heic'
      ? { kind: 'hidden', isFolder }
      : undefined
  if (isFolder) return isLink ? { kind: 'linked-folder', isFolder } : 'folder'
  const kind = fileKind(name)
  // An image that is a link to nowhere is named when it is read.
  if (!target) return kind === 'image' ? kind : { kind: 'unreadable', isFolder }
  if (!target.isFile()) return { kind: 'other', isFolder }
  if (kind === 'image') return 'image'
  return DROPPINGS.has(name.toLowerCase()) ? undefined : { kind, isFolder }
}

function unreadable(folder: string, cause: unknown): LookalikeError {
  const { code } = cause as NodeJS.ErrnoException
  const why = code === 'ENOENT' ? 'it does not exist' : code === 'ENOTDIR' ? 'it is a file' : (cause as Error).message
  return new LookalikeError(
    'image/unreadable-folder',
    { problem: `The folder ${folder} cannot be listed: ${why}`, expected: 'a folder that this user may read' },
    { fields: { folder, errno: code }, cause },
  )
}

/** What was left out, one text a kind: what it is, singular and plural, and what to do about it. */
const TEXTS: Readonly<Record<LeftOutKind, readonly [one: string, many: string, fix?: string]>> = {
  heic: [
    'HEIC image cannot be read and is',
    'HEIC images cannot be read and are',
    'Install the package heic-decode, or save them as JPEG.',
  ],
  format: [
    'picture has a format that cannot be read and is',
    'pictures have formats that cannot be read and are',
    'Save or convert them as JPEG or PNG.',
  ],
  'no-extension': [
    'file has no ending such as .jpg and is',
    'files have no ending such as .jpg and are',
    'Give those that are images an ending.',
  ],
  other: ['file is no image by its name and is', 'files are no images by their names and are'],
  hidden: ['hidden image or folder is', 'hidden images and folders are'],
  'linked-folder': [
    'linked folder is',
    'linked folders are',
    'Give the folders that they lead to, if their images are wanted.',
  ],
  unreadable: [
    'folder or link cannot be read and is',
    'folders and links cannot be read and are',
    'Check permissions.',
  ],
}

const KINDS = Object.keys(TEXTS) as LeftOutKind[]

/** How many names a warning spells out; its fields have them all. */
const SHOWN = 10

/** One warning a kind, with a count and names. */
export function leftOutWarnings(leftOut: readonly LeftOut[]): Warning[] {
  const byKind = new Map<LeftOutKind, string[]>(KINDS.map((kind) => [kind, []]))
  for (const { kind, path: below } of leftOut) byKind.get(kind)!.push(below)
  const found = [...byKind].filter(([, names]) => names.length > 0)
  return found.map(([kind, names]) => ({
    code: 'image/left-out',
    message: leftOutText(kind, names),
    fields: { kind, count: names.length, names },
  }))
}

function leftOutText(kind: LeftOutKind, names: readonly string[]): string {
  const [one, many, fix] = TEXTS[kind]
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : ''
  const listed = names.slice(0, SHOWN).map(printable).join(', ')
  return `${names.length} ${names.length === 1 ? one : many} left out: ${listed}${more}.${fix ? ` ${fix}` : ''}`
}

/** Names may hold anything, newlines too. */
const printable = (name: string) => (/\p{Cc}/u.test(name) ? JSON.stringify(name) : name)
