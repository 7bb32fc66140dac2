import { randomBytes } from 'node:crypto'
import { LookalikeError, type Rewrite, rowOf } from '@lookalike/core'
import { checkUncertainty, checkVectors } from '@lookalike/core/gallery'
import { seal, unseal } from './beside.js'
import { scrollPoints } from './collection.js'
import { besideOf, createCollection, findHeld, type Held, indexKeys, OWN, type Place, pointAlias } from './held.js'
import { blocksOf, entryOf, type Found, matrixOf, membersOf, type Point, partsOf } from './points.js'
import { isMissing } from './qdrant-errors.js'

/** Points that are compared at a time. */
const COMPARED = 5000
/** Images that may be left to do when writers have to wait. */
const FEW = 1000
/** After so many rounds writers wait, however much they do. */
const ROUNDS = 5

/**
 * Makes all vectors anew in another collection, then those of images that came or changed meanwhile, until few are left; seals the old one, does
 * these, and lets the alias stand for the new one. What an earlier try left goes first.
 *
 * @throws `gallery/locked` where another rewrite has begun meanwhile
 */
export async function rewriteCollection(
  place: Place,
  held: Held,
  wanted: Rewrite,
  signal?: AbortSignal,
): Promise<void> {
  await dropLeftovers(place, held)
  const fresh = `${place.gallery}-${randomBytes(4).toString('hex')}`
  const { space, dim } = wanted
  await createCollection(place, fresh, { space, dim, members: held.members }, held)
  try {
    const round = (step: () => Promise<void>) => bringUp(place, held, fresh, wanted, step, signal)
    for (let rounds = 1; (await round(async () => undefined)) > FEW && rounds < ROUNDS; rounds++);
    const sealOld = () => seal(place, held.collection)
    await sealOld()
    // One round: what was acknowledged was there before the seal, and all else its writers make again.
    await round(sealOld)
    await pointAlias(place, fresh)
  } catch (error) {
    // What became of a switch whose answer did not come, only the server knows. Where it says nothing, all stays for the next rewrite.
    const now = await findHeld(place).catch(() => undefined)
    if (now?.collection !== fresh) {
      if (now?.collection === held.collection) await takeBack(place, held, fresh).catch(() => undefined)
      throw isMissing(error) ? overtaken(place.name, error) : error
    }
  }
  await place.call('deleteCollection', { collection_name: held.collection })
}

async function takeBack(place: Place, held: Held, fresh: string): Promise<void> {
  await unseal(place, held.collection)
  await place.call('deleteCollection', { collection_name: fresh })
}

/** Collections of this gallery that are no longer, or not yet, what the alias stands for. */
async function dropLeftovers(place: Place, held: Held): Promise<void> {
  const { collections } = await place.call('getCollections', {})
  for (const { name } of collections) {
    if (!name.startsWith(`${place.gallery}-`) || name === held.collection || name === besideOf(place.gallery)) continue
    if (await findHeld(place, name).catch(() => undefined))
      await place.call('deleteCollection', { collection_name: name })
  }
  await unseal(place, held.collection)
}

/** Makes anew what the fresh collection lacks or has otherwise, and takes away what is gone. @returns how many images that were */
async function bringUp(
  place: Place,
  held: Held,
  fresh: string,
  wanted: Rewrite,
  step: () => Promise<void>,
  signal?: AbortSignal,
): Promise<number> {
  const [from, to] = [await findHeld(place, held.collection), await findHeld(place, fresh)]
  await indexKeys(
    place,
    fresh,
    [...(from?.keys ?? [])].filter((key) => !to?.keys.has(key)),
  )
  let changed = 0
  const revisions = { limit: COMPARED, with_payload: ['revision'], with_vector: false }
  for await (const points of scrollPoints(place, held.collection, revisions, signal)) {
    const there = await revisionsOf(place, fresh, points)
    const late = points.filter(({ id, payload }) => there.get(id) !== payload?.['revision']).map(({ id }) => id)
    for (const part of partsOf(late)) {
      await makeAnew(place, held, fresh, part, wanted)
      await step()
    }
    changed += late.length
    await step()
  }
  for await (const points of scrollPoints(place, fresh, revisions, signal)) {
    const there = await revisionsOf(place, held.collection, points)
    const gone = points.map(({ id }) => id).filter((id) => !there.has(id))
    if (gone.length > 0) await place.call('deletePoints', { collection_name: fresh, wait: true, points: gone })
    changed += gone.length
    await step()
  }
  return changed
}

async function revisionsOf({ call }: Place, collection: string, points: readonly Found[]) {
  const ids = points.map(({ id }) => id)
  const there = await call('getPoints', {
    collection_name: collection,
    ids,
    with_payload: ['revision'],
    with_vector: false,
  })
  return new Map(there.map(({ id, payload }) => [id, payload?.['revision']]))
}

async function makeAnew(
  place: Place,
  held: Held,
  fresh: string,
  ids: readonly Found['id'][],
  { space, dim, transform }: Rewrite,
): Promise<void> {
  const points = await place.call('getPoints', {
    collection_name: held.collection,
    ids: [...ids],
    with_payload: true,
    with_vector: true,
  })
  if (points.length === 0) return
  const { embeddings, uncertainty } = await transform({
    entries: points.map(entryOf),
    embeddings: matrixOf(place.name, points, OWN, held),
    members: membersOf(place.name, held, points),
  })
  checkUncertainty(uncertainty, points.length)
  const [made] = checkVectors({ space, dim, members: [] }, { embeddings }, points.length)
  const renewed = points.map(
    ({ id, payload, vector }, i): Point => ({
      id,
      vector: { ...(vector as Record<string, number[]>), [OWN]: [...rowOf(made!, i)] },
      payload: { ...payload, ...(uncertainty && { uncertainty: JSON.stringify(uncertainty[i]) }) },
    }),
  )
  const values = dim + held.members.reduce((sum, member) => sum + member.dim, 0)
  for (const [from, to] of blocksOf(
    points.map(({ payload }) => ({ metadata: payload })),
    values,
  ))
    await place.call('upsertPoints', { collection_name: fresh, wait: true, points: renewed.slice(from, to) })
}

const overtaken = (name: string, cause: unknown) =>
  new LookalikeError(
    'gallery/locked',
    {
      problem: `Another rewrite of the gallery ${name} has begun meanwhile`,
      expected: 'one at a time',
      fix: 'Wait for that one.',
    },
    { fields: { gallery: name }, cause },
  )
