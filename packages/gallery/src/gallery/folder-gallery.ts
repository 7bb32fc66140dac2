import type { Gallery, OpenGalleryOptions } from '@lookalike/core'

export interface OpenFolderOptions extends OpenGalleryOptions {
  /**
   * For a writer, where the log has lost its end (`gallery/damaged` says so, a reader warns): go on with what is left. What stands behind it is
   * kept aside. Default false.
   */
  readonly acceptLoss?: boolean | undefined
}

/**
 * The gallery of a folder. Its warnings are `gallery/torn-tail` after a crash, `gallery/lost-end`, `gallery/no-end-note`,
 * `gallery/manifest-recovered`, `gallery/kept-aside`, `gallery/stale-lock`, `gallery/index-rebuilt`, `gallery/lengths`, and when closing
 * `gallery/index-not-saved`.
 */
export interface FolderGallery extends Gallery {
  readonly folder: string
  /** Kept relative to the gallery: both can move together. */
  readonly root: string
  moveRoot(root: string): Promise<void>
}
