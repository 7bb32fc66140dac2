import type { Gallery, GalleryStore, OpenGalleryOptions } from '@lookalike/core'
import { type Create, type Issue, runSuite, type Suite } from '../check.js'
import { sampleVectors } from '../vectors.js'
import { changeChecks } from './change-checks.js'
import { companyChecks } from './company-checks.js'
import type { GalleryCheckOptions, GallerySubject } from './gallery-subject.js'
import { lookChecks } from './look-checks.js'
import { MEMBER, memberRows, SPACE, sampleItems, sampleRows } from './sample-gallery.js'

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
