import type { Connection, Table } from '@lancedb/lancedb'
import type { OpenGalleryOptions, Warning } from '@lookalike/core'
import { checkHeld, closedGallery, readOnlyGallery } from '@lookalike/core/gallery'
import { type Held, readHeld } from './held.js'
import { galleryError } from './lance-errors.js'
import type { SearchSettings } from './search-table.js'

export interface GalleryPlace {
  readonly connection: Connection
  readonly table: Table
  readonly name: string
  readonly opening: OpenGalleryOptions
  readonly settings: SearchSettings
  /** What was found when it opened. */
  readonly warnings: readonly Warning[]
  /** Called before each change. */
  check(): void
  /** Called in the end. */
  release(): void
}

/** An open gallery at work: what its table holds, and how that is read and changed. */
export interface TableWork {
  readonly place: GalleryPlace
  /** As last read. */
  held: Held
  /** Anything at all, with errors that say what it was about. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** Reads vectors; where a rewrite has taken their column away meanwhile, those of the new one, if they are of the same space still. */
  read<T>(work: (now: Held) => Promise<T>): Promise<T>
  /** Changes follow each other. */
  change<T>(work: () => Promise<T>): Promise<T>
  reload(): Promise<void>
  /** After the changes that were begun; says whether there were any. Once. */
  close(end: (changed: boolean) => Promise<void>): Promise<void>
}

export function createTableWork(place: GalleryPlace, found: Held): TableWork {
  const { table, name, opening } = place
  let changed = false
  let closing: Promise<void> | undefined
  let last: Promise<unknown> = Promise.resolve()
  const work: TableWork = {
    place,
    held: found,
    async run(act) {
      if (closing) throw closedGallery(name)
      try {
        return await act()
      } catch (error) {
        throw galleryError(name, error)
      }
    },
    read: (act) =>
      work.run(async () => {
        const before = work.held
        try {
          return await act(before)
        } catch (error) {
          if (work.held === before) throw error
          checkHeld(name, work.held, { space: before.space, dim: before.dim })
          return act(work.held)
        }
      }),
    change: (act) =>
      work.run(() => {
        if (opening.mode === 'read') throw readOnlyGallery(name)
        const turn = last.then(() => {
          place.check()
          changed = true
          return act()
        })
        last = turn.catch(() => undefined)
        return turn
      }),
    async reload() {
      work.held = await readHeld(name, table)
    },
    close: (end) => (closing ??= last.then(() => end(changed))),
  }
  return work
}
