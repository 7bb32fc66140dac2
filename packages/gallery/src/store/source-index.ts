import path from 'node:path'
import type { GalleryEntry } from '@lookalike/core'

/** Ids of images by their source. */
export interface SourceIndex {
  add(entry: GalleryEntry): void
  remove(entry: GalleryEntry): void
  idsOf(source: string): string[]
}

export function createSourceIndex(entries: Iterable<GalleryEntry | undefined>): SourceIndex {
  const bySource = new Map<string, Set<string>>()
  const add = ({ id, source }: GalleryEntry) => {
    if (source === undefined) return
    const ids = bySource.get(keyOf(source))
    if (ids) ids.add(id)
    else bySource.set(keyOf(source), new Set([id]))
  }
  for (const entry of entries) if (entry) add(entry)
  return {
    add,
    remove({ id, source }) {
      if (source === undefined) return
      const ids = bySource.get(keyOf(source))
      if (ids?.delete(id) && ids.size === 0) bySource.delete(keyOf(source))
    },
    idsOf: (source) => [...(bySource.get(keyOf(source)) ?? [])],
  }
}

/** `./a.jpg` and `a.jpg` are one file. */
const keyOf = (source: string): string => (/^[a-z][a-z0-9+.-]+:/i.test(source) ? source : path.posix.normalize(source))
