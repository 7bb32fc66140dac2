import { readdir, realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LookalikeError } from '@lookalike/core'

const IMAGE = /\.(jpe?g|png|webp|avif|tiff?|gif|svg)$/i

export interface ListedFiles {
  /** Below the folder, with forward slashes, sorted. */
  readonly images: readonly string[]
  /** Files that do not look like images by their names; hidden ones are not counted. */
  readonly others: readonly string[]
  readonly folders: readonly string[]
}

/** What lies in a folder, without its sub-folders. Links are followed. Throws `dataset/unreadable`. */
export async function listFolder(folder: string): Promise<ListedFiles> {
  const images: string[] = []
  const others: string[] = []
  const folders: string[] = []
  for (const entry of await readFolder(folder)) {
    if (entry.name.startsWith('.')) continue
    const isFolder = entry.isSymbolicLink() ? await isFolderAt(join(folder, entry.name)) : entry.isDirectory()
    if (isFolder) folders.push(entry.name)
    else (IMAGE.test(entry.name) ? images : others).push(entry.name)
  }
  return { images: images.sort(), others: others.sort(), folders: folders.sort() }
}

/** All images below a folder. Folders in `seen`, by their real paths, are not entered again: links may lead in circles. */
export async function listImages(folder: string, seen: Set<string>): Promise<Omit<ListedFiles, 'folders'>> {
  const real = await realpath(folder)
  if (seen.has(real)) return { images: [], others: [] }
  seen.add(real)
  const here = await listFolder(folder)
  const images = [...here.images]
  const others = [...here.others]
  for (const name of here.folders) {
    const below = await listImages(join(folder, name), seen)
    images.push(...below.images.map((path) => `${name}/${path}`))
    others.push(...below.others.map((path) => `${name}/${path}`))
  }
  return { images, others }
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'it does not exist' : code === 'ENOTDIR' ? 'it is a file' : (cause as Error).message
    throw new LookalikeError(
      'dataset/unreadable',
      {
        problem: `Cannot list the folder ${folder}: ${why}`,
        expected: 'a folder that this user may read; relative paths start at the folder of the config',
      },
      { fields: { folder, errno: code }, cause },
    )
  }
}

/** A link to nowhere is left to the decoder, which names it. */
async function isFolderAt(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
