import type { ChildProcess } from 'node:child_process'
import type { Embeddings, Gallery, GalleryStore, OpenGalleryOptions } from '@lookalike/core'
import type { Check } from '../check.js'

export interface GalleryCheckOptions {
  /** Length of the vectors. Default: 16. */
  readonly dim?: number
  /** Share of the true nearest that a search has to find. Default: 1; approximate stores say less. */
  readonly recall?: number
  /** How far a distance, or a value of a vector, may be off. Default: 1e-5; stores that keep vectors in fewer bits need more. */
  readonly tolerance?: number
  /**
   * Starts a process that calls `writeUntilKilled` on the place of the store, so that it can be killed. Without, the check of crashes is not
   * claimed.
   */
  readonly startWriter?: (store: GalleryStore) => ChildProcess | Promise<ChildProcess>
}

/** A place for a gallery, and what is put there. */
export interface GallerySubject {
  readonly dim: number
  readonly recall: number
  readonly tolerance: number
  readonly startWriter: GalleryCheckOptions['startWriter']
  readonly rows: Embeddings
  readonly members: Embeddings
  readonly queries: Embeddings
  /** A new place without a gallery. */
  store(): Promise<GalleryStore>
  /** Opens a gallery for the sample vectors; closed at the end if it is still open. */
  open(store: GalleryStore, options?: OpenGalleryOptions): Promise<Gallery>
  /** A new gallery with all sample images, open for writing. */
  filled(): Promise<{ readonly store: GalleryStore; readonly gallery: Gallery }>
  /** The same with one member beside the vectors that are searched. */
  filledWithMember(): Promise<{ readonly store: GalleryStore; readonly gallery: Gallery }>
  /** One that is only looked at. */
  shared(): Promise<Gallery>
  close(): Promise<void>
}

export type GalleryCheck = Check<GallerySubject>
