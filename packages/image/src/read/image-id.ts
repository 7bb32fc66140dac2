import { realpath } from 'node:fs/promises'
import path from 'node:path'

/**
 * The id of an image file: its path from a root folder, with forward slashes. The same on every system and from every
 * working directory.
 *
 * @example
 * imageId('/shop', '/shop/photos/cat.jpg') // 'photos/cat.jpg'
 */
export function imageId(root: string, file: string, { relative, sep }: Pick<typeof path, 'relative' | 'sep'> = path) {
  return relative(root, file).split(sep).join('/')
}

/** Makes the one true path of files: links among their folders resolved, their own names kept. */
export function createRealPaths(): (file: string) => Promise<string> {
  const folders = new Map<string, Promise<string>>()
  return async (file) => {
    const full = path.resolve(file)
    const folder = path.dirname(full)
    let real = folders.get(folder)
    if (!real) {
      real = realpath(folder).catch(() => folder)
      folders.set(folder, real)
    }
    return path.join(await real, path.basename(full))
  }
}
