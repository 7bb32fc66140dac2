import type { Gallery } from '@lookalike/core'
import { type FoundImage, idsOfListing, type SkippedImage } from '@lookalike/image'
import type { ShardToIndex } from './index-shard.js'
import type { RunState } from './run-state.js'
import type { ShardResult } from './shard-job.js'

/** Beginnings without an end after which a shard's images are taken one by one. Two may be two bad days. */
const CAREFUL_FROM = 3
/** How often an image has to have been the last one of a worker that ended, before it is put aside. */
const POISON_AFTER = 2

type Counts = Omit<ShardResult, 'worker' | 'folder'>

/**
 * Indexes the images of a shard. Where workers ended in the middle of it again and again, the images are taken one by one, each noted before it is
 * touched: the one that they end at is put aside, and named among the skipped ones.
 *
 * @param begun how often the shard was begun without an end, this time included
 */
export async function indexCarefully(
  state: Pick<RunState, 'trying' | 'setTrying' | 'poison' | 'addPoison'>,
  { run, number, images }: ShardToIndex,
  begun: number,
  gallery: Gallery,
  index: (images: readonly FoundImage[]) => Promise<Counts>,
): Promise<Counts> {
  const last = await state.trying(run.id, number)
  if (last && last.times >= POISON_AFTER) {
    await state.addPoison(run.id, number, last.position)
    await state.setTrying(run.id, number, undefined)
  }
  const poison = new Set(await state.poison(run.id, number))
  const skipped = await poisonedImages(images, poison, gallery)
  const safe = images.filter((_, position) => !poison.has(position))
  if (begun < CAREFUL_FROM) return withSkipped(await indexAll(safe, index), skipped)

  const total = { added: 0, replaced: 0, updated: 0, unchanged: 0, skipped }
  for (const [position, image] of images.entries()) {
    if (poison.has(position)) continue
    const times = last?.position === position ? last.times + 1 : 1
    await state.setTrying(run.id, number, { position, times })
    const done = await index([image])
    for (const key of ['added', 'replaced', 'updated', 'unchanged'] as const) total[key] += done[key]
    total.skipped = [...total.skipped, ...done.skipped]
  }
  await state.setTrying(run.id, number, undefined)
  return total
}

const NOTHING: Counts = { added: 0, replaced: 0, updated: 0, unchanged: 0, skipped: [] }

const indexAll = async (images: readonly FoundImage[], index: (images: readonly FoundImage[]) => Promise<Counts>) =>
  images.length === 0 ? NOTHING : index(images)

const withSkipped = (counts: Counts, skipped: readonly SkippedImage[]): Counts => ({
  ...counts,
  skipped: [...skipped, ...counts.skipped],
})

async function poisonedImages(
  images: readonly FoundImage[],
  poison: ReadonlySet<number>,
  { root }: Gallery,
): Promise<readonly SkippedImage[]> {
  if (poison.size === 0) return []
  const ids = await idsOfListing(images, root)
  return [...poison].map((position) => ({
    id: ids[position]!,
    code: 'queue/poison',
    message: `${ids[position]} was put aside: ${POISON_AFTER} workers ended while they read or encoded it.`,
  }))
}
