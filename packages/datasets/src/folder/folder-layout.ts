import type { Split } from '@lookalike/core'
import { splitNamed } from '../splits/split-named.js'

/** An image of a folder, and what the folders on its way say. */
export interface PlacedImage {
  /** Below the root, with forward slashes. */
  readonly path: string
  /** Of the folder `train`, `val`, `test` that it lies in. */
  readonly split: Split | undefined
  /** Undefined where no folder tells. */
  readonly label: string | undefined
  /** The first of several folders, where all of them make the class. */
  readonly category: string | undefined
}

/** Where images lie in a folder. */
export interface FolderLayout {
  readonly images: readonly PlacedImage[]
  /** The folders of splits at the top, where that is what they are. */
  readonly splitFolders: readonly string[]
}

/**
 * Reads classes and splits off the paths of images. The first folder is the class; with a separator all folders on the way to an image are,
 * joined by it. Where all folders at the top are called train, val (valid, validation) or test, they are the splits, and the classes lie in them.
 */
export function folderLayout(paths: readonly string[], separator: string | undefined): FolderLayout {
  const cut = paths.map((path) => ({ path, folders: path.split('/').slice(0, -1) }))
  const tops = new Set(cut.flatMap(({ folders }) => folders.slice(0, 1)))
  const splits = [...tops].every((top) => splitNamed(top)) && cut.every(({ folders }) => folders.length > 0)
  const images = cut.map(({ path, folders }): PlacedImage => {
    const classes = (splits ? folders.slice(1) : folders).map((name) => name.normalize('NFC'))
    const nested = separator !== undefined && classes.length > 1
    return {
      path,
      split: splits ? splitNamed(folders[0]!) : undefined,
      label: classes.length === 0 ? undefined : separator === undefined ? classes[0] : classes.join(separator),
      category: nested ? classes[0] : undefined,
    }
  })
  return { images, splitFolders: splits ? [...tops] : [] }
}
