import type { ChildProcess } from 'node:child_process'
import { type Embeddings, type Gallery, type GalleryStore, type OpenGalleryOptions } from '@lookalike/core'
import { type Check, type Create, type Issue, runSuite, type Suite } from '../check.js'
import { sampleVectors } from '../vectors.js'
import { changeChecks } from './change-checks.js'
import { companyChecks } from './company-checks.js'
import { lookChecks } from './look-checks.js'
import { MEMBER, memberRows, SPACE, sampleItems, sampleRows } from './sample-gallery.js'

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

export const gallerySuite: Suite<GalleryStore, GalleryCheckOptions, GallerySubject> = {
  checks: [...lookChecks, ...changeChecks, ...companyChecks],
  open(create, { dim = 16, recall = 1, tolerance = 1e-5, startWriter }) {
    const opened: Gallery[] = []
    let shared: Promise<Gallery> | undefined
    const rows = sampleRows(dim)
    const members = memberRows()
    const open = async (store: GalleryStore, options: OpenGalleryOptions = {}) => {
      const gallery = await store.open({ space: SPACE, dim, ...options })
      opened.push(gallery)
      return gallery
    }
    const subject: GallerySubject = {
      dim,
      recall,
      tolerance,
      startWriter,
      rows,
      members,
      queries: sampleVectors('gallery queries', 6, dim, SPACE, 'any'),
      store: async () => create(),
      open,
      async filled() {
        const store = await create()
        const gallery = await open(store)
        await gallery.add(sampleItems, { embeddings: rows })
        return { store, gallery }
      },
      async filledWithMember() {
        const store = await create()
        const gallery = await open(store, { members: [MEMBER] })
        await gallery.add(sampleItems, { embeddings: rows, members: { [MEMBER.name]: members } })
        return { store, gallery }
      },
      shared: () => (shared ??= subject.filled().then(({ gallery }) => gallery)),
      async close() {
        for (const gallery of opened) await gallery.close().catch(() => {})
      },
    }
    return subject
  },
  close: (subject) => subject.close(),
}

/**
 * Checks a gallery store: what is added is there as it was, searches and filters against comparing everything, replacement, removal, rewriting,
 * codes of rerankers, two writers, crashes.
 *
 * @param create each call gives a store at a new place, where there is no gallery yet
 * @example
 * const issues = await checkGallery(() => myStore({ table: `t${count++}` }), { recall: 0.95 })
 */
export const checkGallery = (
  create: Create<GalleryStore>,
  options: GalleryCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(gallerySuite, create, options)
