import type { Connection, Table } from '@lancedb/lancedb'
import type { GalleryCodes } from '@lookalike/core'
import { arrow, tableOf } from './arrow.js'
import { quotedText } from './compile-filter.js'
import { isMissing } from './lance-errors.js'
import { findRows } from './lance-table.js'

export interface CodesPlace {
  readonly connection: Connection
  readonly table: string
  readonly reranker: string
  readonly key: string
  run<T>(work: () => Promise<T>): Promise<T>
  change<T>(work: () => Promise<T>): Promise<T>
}

/** Keys are of a reranker, a model and a content; one column of them is what a merge looks up. */
const fields = () => [
  new arrow.Field('id', new arrow.Utf8(), false),
  new arrow.Field('owner', new arrow.Utf8(), false),
  new arrow.Field('hash', new arrow.Utf8(), false),
  new arrow.Field('code', new arrow.Binary(), false),
]

/** Codes of one reranker and key, in a table beside the gallery's that is made with the first of them. */
export function lanceCodes({ connection, table, reranker, key, run, change }: CodesPlace): GalleryCodes {
  const name = `lookalike_codes_${table}`
  const owner = JSON.stringify([reranker, key])
  const idOf = (hash: string) => `${owner} ${hash}`

  const openCodes = async (): Promise<Table | undefined> => {
    try {
      return await connection.openTable(name)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }
  const find = (hashes: readonly string[], columns: readonly string[]) =>
    run(async () => {
      const codes = await openCodes()
      return codes ? findRows(codes, 'id', hashes.map(idOf), columns) : []
    })

  return {
    async get(hashes) {
      const codes = new Map<string, Uint8Array>()
      for (const rows of await find(hashes, ['hash', 'code']))
        for (let row = 0; row < rows.numRows; row++)
          codes.set(rows.getChild('hash')!.get(row), Uint8Array.from(rows.getChild('code')!.get(row)))
      return hashes.map((hash) => codes.get(hash))
    },
    async put(codes) {
      // The last of a hash.
      const last = [...new Map(codes.map(({ hash, code }) => [hash, code]))]
      if (last.length === 0) return
      await change(async () => {
        const schema = new arrow.Schema(fields())
        const all = (await openCodes()) ?? (await connection.createEmptyTable(name, schema, { existOk: true }))
        const rows = tableOf(fields(), {
          id: last.map(([hash]) => idOf(hash)),
          owner: last.map(() => owner),
          hash: last.map(([hash]) => hash),
          code: last.map(([, code]) => code),
        })
        await all.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows)
      })
    },
    async missing(hashes) {
      const known = new Set((await find(hashes, ['hash'])).flatMap((rows) => [...rows.getChild('hash')!]))
      return hashes.filter((hash) => !known.has(hash))
    },
    async retain(hashes) {
      return change(async () => {
        const codes = await openCodes()
        if (!codes) return 0
        const own = `owner = ${quotedText(owner)}`
        const rows = await codes.query().where(own).select(['hash']).toArrow()
        const gone = [...(rows.getChild('hash') ?? [])].filter((hash) => !hashes.has(hash)).map((hash) => idOf(hash))
        if (gone.length > 0) await codes.delete(`id IN (${gone.map(quotedText).join(', ')})`)
        return gone.length
      })
    },
  }
}
