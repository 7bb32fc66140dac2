import type { Table } from '@lancedb/lancedb'
import type { Rewrite } from '@lookalike/core'
import { checkUncertainty, checkVectors } from '@lookalike/core/gallery'
import { tableOf } from './arrow.js'
import { generationFields, type Held, readHeld, uncertaintyColumn, vectorColumn } from './held.js'
import { embeddingsOf, membersOf } from './lance-table.js'
import { entriesOf, entryColumns } from './rows.js'

/** Images that are made anew at a time. */
const BLOCK = 1000

/** Makes all vectors anew in columns beside the old ones; that the old columns go is the switch. What an earlier try left goes first. */
export async function rewriteTable(
  table: Table,
  name: string,
  found: Held,
  { space, dim, transform }: Rewrite,
  signal: AbortSignal | undefined,
): Promise<void> {
  const held = await withoutLeftovers(table, name, found)
  const fields = generationFields(held.generation + 1, space, dim)
  const [vector, uncertain] = fields.map((field) => field.name) as [string, string]
  await table.addColumns(fields)
  const columns = [
    ...entryColumns(held),
    vectorColumn(held.generation),
    ...held.fields.map((field) => field.name).filter((column) => column.startsWith('member_')),
  ]
  const id = held.fields.find((field) => field.name === 'id')!
  try {
    for (;;) {
      signal?.throwIfAborted()
      const rows = await table.query().where(`${vector} IS NULL`).select(columns).limit(BLOCK).toArrow()
      if (rows.numRows === 0) break
      const entries = entriesOf(rows, held)
      const { embeddings, uncertainty } = await transform({
        entries,
        embeddings: embeddingsOf(rows, vectorColumn(held.generation), held.space, held.dim),
        members: membersOf(rows, held),
      })
      checkUncertainty(uncertainty, rows.numRows)
      const [made] = checkVectors({ space, dim, members: [] }, { embeddings }, rows.numRows)
      const block = tableOf([id, ...fields], {
        id: entries.map((entry) => entry.id),
        [vector]: Float32Array.from(made!.data),
        [uncertain]: entries.map((entry, i) => uncertainty?.[i] ?? entry.uncertainty ?? null),
      })
      await table.mergeInsert('id').whenMatchedUpdateAll().execute(block)
    }
  } catch (error) {
    await table.dropColumns(fields.map((field) => field.name)).catch(() => undefined)
    throw error
  }
  await table.dropColumns([vectorColumn(held.generation), uncertaintyColumn(held.generation)])
}

/** What a rewrite that was broken off has left goes. */
export async function withoutLeftovers(table: Table, name: string, held: Held): Promise<Held> {
  const left = held.fields
    .map((field) => field.name)
    .filter((column) => Number(/^(?:vector|uncertainty)_(\d+)$/.exec(column)?.[1] ?? 0) > held.generation)
  if (left.length === 0) return held
  await table.dropColumns(left)
  return readHeld(name, table)
}
