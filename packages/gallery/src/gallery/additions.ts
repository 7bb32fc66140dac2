import type { Embeddings, GalleryItem } from '@lookalike/core'
import type { LogRecord } from '../store/change-log.js'
import { rowChecks } from '../store/vector-file.js'

/** What the log says of new images, with the rows that their vectors get. */
export function toAdditions(
  items: readonly GalleryItem[],
  matrices: readonly Embeddings[],
  firstRow: number,
  uncertainty?: ArrayLike<number>,
): Extract<LogRecord, { op: 'add' }>[] {
  const checks = matrices.map(({ data, rows, dim }) => rowChecks(data, rows, dim))
  return items.map((item, i) => {
    const unsure = uncertainty?.[i] ?? item.uncertainty
    return {
      op: 'add',
      row: firstRow + i,
      id: item.id,
      hash: item.hash,
      checks: checks.map((rows) => rows[i]!),
      metadata: item.metadata,
      uncertainty: unsure,
      rejected: item.rejected || undefined,
      source: item.source,
      box: item.box,
    }
  })
}
