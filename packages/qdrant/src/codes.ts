import type { GalleryCodes } from '@lookalike/core'
import { scrollPoints } from './collection.js'
import { besideOf, type Place } from './held.js'
import { pointId } from './point-id.js'
import { type Found, LOOKED_UP, partsOf } from './points.js'

export interface CodesPlace extends Place {
  readonly reranker: string
  readonly key: string
  run<T>(work: () => Promise<T>): Promise<T>
  change<T>(work: () => Promise<T>): Promise<T>
}

/** Codes that travel at a time: one may have a hundred kilobytes. */
const CODES = 100

/** Codes of one reranker and key, as payload in the collection beside. */
export function qdrantCodes({ reranker, key, run, change, ...place }: CodesPlace): GalleryCodes {
  const { call, gallery } = place
  const collection = besideOf(gallery)
  const owner = JSON.stringify([reranker, key])
  const idOf = (hash: string) => pointId(`${owner} ${hash}`)

  const find = (hashes: readonly string[], payload: readonly string[]) =>
    run(async () => {
      const found: Found[] = []
      for (const part of partsOf([...new Set(hashes)], CODES))
        found.push(
          ...(await call('getPoints', {
            collection_name: collection,
            ids: part.map(idOf),
            with_payload: [...payload],
            with_vector: false,
          })),
        )
      return found
    })

  return {
    async get(hashes) {
      const found = await find(hashes, ['hash', 'code'])
      const codes = new Map(
        found.map(({ payload }) => [
          payload?.['hash'],
          Uint8Array.from(Buffer.from(String(payload?.['code']), 'base64')),
        ]),
      )
      return hashes.map((hash) => codes.get(hash))
    },
    async put(codes) {
      // The last of a hash.
      const last = [...new Map(codes.map(({ hash, code }) => [hash, code]))]
      if (last.length === 0) return
      await change(async () => {
        for (const part of partsOf(last, CODES))
          await call('upsertPoints', {
            collection_name: collection,
            wait: true,
            points: part.map(([hash, code]) => ({
              id: idOf(hash),
              vector: {},
              payload: { owner, hash, code: Buffer.from(code).toString('base64') },
            })),
          })
      })
    },
    async missing(hashes) {
      const known = new Set((await find(hashes, ['hash'])).map(({ payload }) => payload?.['hash']))
      return hashes.filter((hash) => !known.has(hash))
    },
    async retain(hashes) {
      return change(async () => {
        const gone: Found['id'][] = []
        const own = { filter: { must: { key: 'owner', match: { value: owner } } }, limit: LOOKED_UP }
        for await (const points of scrollPoints(place, collection, {
          ...own,
          with_payload: ['hash'],
          with_vector: false,
        }))
          for (const { id, payload } of points) if (!hashes.has(String(payload?.['hash']))) gone.push(id)
        for (const part of partsOf(gone))
          await call('deletePoints', { collection_name: collection, wait: true, points: [...part] })
        return gone.length
      })
    },
  }
}
