import { createHash } from 'node:crypto'
import {
  createEmbeddings,
  type Gallery,
  type GalleryItem,
  LookalikeError,
  type OperationOptions,
} from '@lookalike/core'
import type { TableBlock, TableRow } from '../tables/vector-table.js'
import { movedSource } from './export-gallery.js'
import { baseOf, lookUp, nameOf } from './reading.js'

export interface ImportVectorsOptions extends OperationOptions {
  /** The folder of the table, which sources start at. Default: the working directory. */
  readonly folder?: string | undefined
}

export interface ImportedVectors {
  readonly added: number
  readonly replaced: number
  /** The same image was there. */
  readonly unchanged: number
}

/**
 * Takes vectors that were made elsewhere into a gallery, block by block; what is there already is left, so an import that was interrupted goes on when it
 * is called again. A row without the hash of its image gets one of its vector: indexing the image later embeds it anew.
 *
 * @param blocks as `readTable` gives them
 * @throws `import/space` when a table was made by another model than the gallery, `import/duplicate-id`, `embeddings/not-finite`, the codes of the gallery
 *
 * @example
 * await importVectors(gallery, readTable('vectors.npy'))
 */
export async function importVectors(
  gallery: Gallery,
  blocks: AsyncIterable<TableBlock>,
  { folder = '.', signal, onProgress }: ImportVectorsOptions = {},
): Promise<ImportedVectors> {
  const counts = { added: 0, replaced: 0, unchanged: 0 }
  const seen = new Set<string>()
  let done = 0
  for await (const { rows, vectors, dim, space } of blocks) {
    signal?.throwIfAborted()
    checkBlock(gallery, dim, space)
    const items = rows.map((row, i) => itemOf(row, vectors.subarray(i * dim, (i + 1) * dim), folder, baseOf(gallery)))
    for (const { id } of items) {
      if (seen.has(id)) throw twice(id)
      seen.add(id)
    }
    const there = await lookUp(
      gallery,
      items.map(({ id }) => id),
    )
    const fresh = items.flatMap((item, i) => (there[i]?.hash === item.hash ? [] : [{ item, i }]))
    for (const { i } of fresh) counts[there[i] ? 'replaced' : 'added']++
    counts.unchanged += items.length - fresh.length
    const data = new Float32Array(fresh.length * dim)
    for (const [at, { i }] of fresh.entries()) data.set(vectors.subarray(i * dim, (i + 1) * dim), at * dim)
    if (fresh.length > 0)
      await gallery.add(
        fresh.map(({ item }) => item),
        { embeddings: createEmbeddings({ data, rows: fresh.length, dim, space: gallery.space, role: 'gallery' }) },
      )
    done += rows.length
    onProgress?.({ phase: 'import', done, unit: 'image' })
  }
  return counts
}

function itemOf(row: TableRow, vector: Float32Array, from: string, to: string): GalleryItem {
  const { id, hash, metadata, uncertainty, rejected, source, box } = row
  return {
    id,
    hash: hash ?? hashOfVector(vector),
    metadata,
    uncertainty,
    rejected,
    source: source === undefined ? undefined : movedSource(source, from, to),
    box,
  }
}

const hashOfVector = (vector: Float32Array) =>
  `vector:${createHash('sha256')
    .update(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength))
    .digest('hex')}`

function checkBlock(gallery: Gallery, dim: number, space: string | undefined): void {
  const problem =
    space !== undefined && space !== gallery.space
      ? `were made by ${space}`
      : dim !== gallery.dim
        ? `have ${dim} dimensions`
        : undefined
  if (problem === undefined) return
  throw new LookalikeError(
    'import/space',
    {
      problem: `The vectors ${problem}; the gallery ${nameOf(gallery)} holds ${gallery.dim} dimensions of ${gallery.space}`,
      expected: 'vectors of the model that the gallery is for',
      fix: 'Import them into a gallery of their own, or index the images with the model.',
    },
    { fields: { given: { space, dim }, wanted: { space: gallery.space, dim: gallery.dim } } },
  )
}

const twice = (id: string) =>
  new LookalikeError(
    'import/duplicate-id',
    { problem: `The id ${JSON.stringify(id)} comes twice`, expected: 'each id once' },
    { fields: { id } },
  )
