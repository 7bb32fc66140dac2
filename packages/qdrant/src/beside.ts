import { randomUUID } from 'node:crypto'
import { besideOf, type Place } from './held.js'
import { pointId } from './point-id.js'

/** What writers and readers of a gallery tell each other: points without vectors in the collection beside. */
const REVISION = pointId('revision')
const sealId = (collection: string): string => pointId(`sealed ${collection}`)

/** Something else after each change. */
export async function readRevision({ call, gallery }: Place): Promise<string> {
  const [state] = await call('getPoints', {
    collection_name: besideOf(gallery),
    ids: [REVISION],
    with_payload: true,
    with_vector: false,
  })
  return String(state?.payload?.['revision'] ?? '')
}

/**
 * Says that there was a change. To be called after it, and asks after it, too, whether the collection still took changes: if so, a rewrite that
 * seals it later has seen this one.
 *
 * @returns how far a rewrite is that has sealed the collection; undefined where none has
 */
export async function noteChange({ call, gallery }: Place, collection: string): Promise<string | undefined> {
  const beside = besideOf(gallery)
  await call('upsertPoints', {
    collection_name: beside,
    wait: true,
    points: [{ id: REVISION, vector: {}, payload: { revision: randomUUID() } }],
  })
  const [sealed] = await call('getPoints', {
    collection_name: beside,
    ids: [sealId(collection)],
    with_payload: true,
    with_vector: false,
  })
  return sealed && String(sealed.payload?.['step'])
}

/** From now on no change of the collection counts. Again and again, so that those who wait see that it goes on. */
export const seal = async ({ call, gallery }: Place, collection: string): Promise<void> => {
  const payload = { sealed: collection, step: randomUUID() }
  await call('upsertPoints', {
    collection_name: besideOf(gallery),
    wait: true,
    points: [{ id: sealId(collection), vector: {}, payload }],
  })
}

export const unseal = async ({ call, gallery }: Place, collection: string): Promise<void> => {
  await call('deletePoints', { collection_name: besideOf(gallery), wait: true, points: [sealId(collection)] })
}
