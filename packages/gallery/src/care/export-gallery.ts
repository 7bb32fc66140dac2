import path from 'node:path'
import type { Gallery, GalleryEntry, OperationOptions } from '@lookalike/core'
import type { TableRow, TableWriter } from '../tables/vector-table.js'
import { baseOf, entriesOf, vectorsOf } from './reading.js'

const BLOCK_ROWS = 1024

export interface ExportGalleryOptions extends OperationOptions {
  /** The folder of the table, which sources start at. Default: the working directory. */
  readonly folder?: string | undefined
}

/**
 * Writes the vectors of a gallery and what it says of its images into a table, rejected ones included.
 *
 * @returns how many images there were
 * @throws `table/write`, `gallery/damaged`
 *
 * @example
 * const writer = await openTableWriter('shop.parquet', { format: 'parquet', space: gallery.space, dim: gallery.dim })
 * await exportGallery(gallery, writer)
 */
export async function exportGallery(
  gallery: Gallery,
  writer: TableWriter,
  { folder = '.', signal, onProgress }: ExportGalleryOptions = {},
): Promise<number> {
  try {
    const entries = await entriesOf(gallery, { signal })
    for (let start = 0; start < entries.length; start += BLOCK_ROWS) {
      signal?.throwIfAborted()
      const block = entries.slice(start, start + BLOCK_ROWS)
      const { data } = await vectorsOf(gallery, block)
      await writer.write(
        block.map((entry) => rowOfEntry(entry, baseOf(gallery), folder)),
        data,
      )
      onProgress?.({ phase: 'export', done: start + block.length, total: entries.length, unit: 'image' })
    }
    await writer.close()
    return entries.length
  } catch (error) {
    await writer.abort()
    throw error
  }
}

function rowOfEntry(entry: GalleryEntry, from: string, to: string): TableRow {
  const { id, hash, metadata, uncertainty, rejected, source, box } = entry
  return {
    id,
    hash,
    metadata,
    uncertainty,
    rejected,
    source: source === undefined ? undefined : movedSource(source, from, to),
    box,
  }
}

/** A path from one folder as the same path from another; URLs stay. */
export function movedSource(source: string, from: string, to: string): string {
  if (/^[a-z][a-z0-9+.-]+:/i.test(source)) return source
  return path.relative(path.resolve(to), path.resolve(from, source)).split(path.sep).join('/')
}
