import type { Connection, Table } from '@lancedb/lancedb'
import type { GalleryPage, GalleryPageOptions } from '@lookalike/core'
import { noSuchPage } from '@lookalike/core/gallery'
import { type Held, memberColumn, readHeld, vectorColumn } from './held.js'
import { conditionOf, embeddingsOf, membersOf } from './lance-table.js'
import { entriesOf, entryColumns } from './rows.js'

export interface PagesPlace {
  readonly connection: Connection
  readonly table: Table
  readonly name: string
}

export interface Pages {
  /** @throws `gallery/page` */
  page(held: Held, options: GalleryPageOptions): Promise<GalleryPage>
  close(): void
}

/** Pages of the version of the table that the first one was of: all rows of one version have a place. */
export function createPages({ connection, table, name }: PagesPlace): Pages {
  let kept: { readonly version: number; readonly table: Table; readonly held: Held } | undefined

  const at = async (version: number, after: string) => {
    if (kept?.version === version) return kept
    const snapshot = await connection.openTable(table.name)
    try {
      await snapshot.checkout(version)
    } catch {
      snapshot.close()
      throw noSuchPage(name, after)
    }
    kept?.table.close()
    return (kept = { version, table: snapshot, held: await readHeld(name, snapshot) })
  }

  return {
    async page(now, { after, limit = 1000, withVectors = false, withMembers = false, signal, ...selection }) {
      signal?.throwIfAborted()
      const [, version, from = 0] = (after === undefined ? undefined : /^(\d+):(\d+)$/.exec(after))?.map(Number) ?? []
      if (after !== undefined && version === undefined) throw noSuchPage(name, after)
      const current = await table.version()
      const { table: rows, held } =
        version === undefined || version === current ? { table, held: now } : await at(version, after!)
      if (held.space !== now.space) throw noSuchPage(name, after!)
      const condition = await conditionOf(rows, name, held, selection)
      const own = vectorColumn(held.generation)
      const members = held.members.map((_, i) => memberColumn(i))
      const query = rows
        .query()
        .select([...entryColumns(held), ...(withVectors ? [own] : []), ...(withMembers ? members : [])])
      if (condition !== undefined) query.where(condition)
      const found = await query
        .offset(from)
        .limit(limit + 1)
        .toArrow()
      const shown = found.numRows > limit ? found.slice(0, limit) : found
      return {
        entries: entriesOf(shown, held),
        embeddings: withVectors ? embeddingsOf(shown, own, held.space, held.dim) : undefined,
        members: withMembers ? membersOf(shown, held) : undefined,
        next: found.numRows > limit ? `${version ?? current}:${from + limit}` : undefined,
      }
    },
    close: () => kept?.table.close(),
  }
}
