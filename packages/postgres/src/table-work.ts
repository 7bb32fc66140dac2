import { checkHeld, closedGallery, noSuchGallery, readOnlyGallery } from '@lookalike/core/gallery'
import type { Session } from './database.js'
import { codeOf, galleryError } from './database-errors.js'
import type { GalleryPlace } from './gallery-place.js'
import { findHeld, type Held, readHeld } from './schema.js'

/** An open gallery at work: what its table holds, and how that is read and changed. */
export interface TableWork {
  readonly place: GalleryPlace
  /** As last read. */
  held: Held
  /** The revision that the reader has seen. */
  seen: string
  /** Whether anything was changed since it was opened. */
  changed: boolean
  closing: Promise<void> | undefined
  /** Anything at all, with errors that say what it was about. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Reads vectors; where a rewrite has taken their column away, it looks whether they are of the same space still. */
  read<T>(work: (now: Held) => Promise<T>): Promise<T>
  /** A change, alone with the gallery: other writers wait. */
  change<T>(work: (session: Session, now: Held) => Promise<T>): Promise<T>
  /** @throws `gallery/not-found`, `gallery/space` */
  reload(): Promise<Held>
  /** @throws `gallery/read-only` */
  checkWriter(): void
}

export function createTableWork(place: GalleryPlace, found: Held): TableWork {
  const { database, name, table, opening } = place
  const work: TableWork = {
    place,
    held: found,
    seen: found.revision,
    changed: false,
    closing: undefined,
    async run(act) {
      if (work.closing) throw closedGallery(name)
      try {
        return await act()
      } catch (error) {
        throw galleryError(name, error)
      }
    },
    read: (act) =>
      work.run(async () => {
        try {
          return await act(work.held)
        } catch (error) {
          if (codeOf(error) !== '42703') throw error
          return act(await work.reload())
        }
      }),
    change: (act) =>
      work.run(async () => {
        work.checkWriter()
        return database.transaction(async (session) => {
          const before = await readHeld(session, table, true)
          if (!before) throw noSuchGallery(name)
          const [row] = await session.query(
            'UPDATE lookalike_galleries SET revision = revision + 1 WHERE name = $1 RETURNING revision::text',
            [table],
          )
          const result = await act(session, { ...before, revision: row?.['revision'] as string })
          work.changed = true
          return result
        })
      }),
    async reload() {
      const now = await findHeld(database, name, table)
      if (!now) throw noSuchGallery(name)
      checkHeld(name, now, { space: work.held.space, dim: work.held.dim })
      return (work.held = now)
    },
    checkWriter() {
      if (opening.mode === 'read') throw readOnlyGallery(name)
    },
  }
  return work
}
