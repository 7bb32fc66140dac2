import { readdir } from 'node:fs/promises'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { confineSource, isS3 } from '@lookalike/image'

/** Where an image that a file names lies. */
export interface FoundImage {
  /** The path below the root, with forward slashes, or the address. */
  readonly id: string
  readonly source: string
}

/** Names of a folder as they are, and by what they look like. */
interface Names {
  readonly exact: ReadonlySet<string>
  readonly alike: ReadonlyMap<string, string>
}

export interface ImageFinder {
  /** Where the image lies. Undefined when the path leads out of the root, or is an address that may not be named. */
  find(path: string): Promise<FoundImage | undefined>
}

/**
 * Finds the images that files name, as people's files name them: with backslashes, and with letters such as é in their other form (macOS writes e
 * and an accent, most others one letter). An image that is not there is left to the decoder, which names it.
 *
 * @param root where paths start, and what they may not leave
 * @param paths other folders in which they may lie, absolute
 */
export function createImageFinder(root: string, paths: readonly string[] = []): ImageFinder {
  const folders = new Map<string, Promise<Names | undefined>>()
  const namesIn = (folder: string) => {
    const known = folders.get(folder)
    if (known) return known
    const reading = readNames(folder)
    folders.set(folder, reading)
    return reading
  }
  const spelt = async (full: string): Promise<string | undefined> => {
    if (full === root || dirname(full) === full) return full
    const parent = await spelt(dirname(full))
    const name = full.slice(full.lastIndexOf(sep) + 1)
    const names = parent === undefined ? undefined : await namesIn(parent)
    const found = names?.exact.has(name) ? name : names?.alike.get(name.normalize('NFC'))
    return found === undefined ? undefined : join(parent!, found)
  }
  const allowed = (source: string) => {
    try {
      return confineSource(source, { root, paths })
    } catch {
      return undefined
    }
  }
  const inside = (path: string) => allowed(resolve(root, path))
  const named = (full: string): FoundImage => ({ id: relative(root, full).split(sep).join('/'), source: full })
  return {
    async find(path) {
      if (/^https?:\/\//i.test(path)) return { id: path, source: path }
      if (isS3(path)) return allowed(path) === undefined ? undefined : { id: path, source: path }
      if (isForeignAddress(path)) return undefined
      const written = inside(path)
      // Most paths need no look at the disk.
      if (written !== undefined && isPlain(path)) return named(written)
      const there = written === undefined ? undefined : await spelt(written)
      if (there !== undefined) return named(there)
      // A drive letter or a leading backslash starts at the root of a disk, wherever this runs.
      if (/^([a-z]:)?\\/i.test(path) && sep === '/') return undefined
      const slashed = inside(path.replaceAll('\\', '/'))
      return slashed === undefined ? undefined : named((await spelt(slashed)) ?? slashed)
    },
  }
}

/** Addresses that would be read from elsewhere than the root: `file:`, `ftp://`, ... */
export const isForeignAddress = (path: string) => /^(file|data|blob|javascript):|^[a-z][a-z0-9+.-]+:\/\//i.test(path)

/** Printable ASCII but for the backslash. */
const isPlain = (path: string) => /^[ -[\]-~]*$/.test(path)

async function readNames(folder: string): Promise<Names | undefined> {
  try {
    const names = await readdir(folder)
    return { exact: new Set(names), alike: new Map(names.map((name) => [name.normalize('NFC'), name])) }
  } catch {
    // A folder that cannot be listed may still hold the file: the decoder tells.
    return undefined
  }
}
