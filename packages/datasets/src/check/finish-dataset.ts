import { access } from 'node:fs/promises'
import { type Dataset, type DatasetItem, LookalikeError, type Split } from '@lookalike/core'
import { z } from 'zod'
import type { LoadContext } from '../load-context.js'

/** What to do about images that are listed and not there. */
export type MissingImages = 'later' | 'fail' | 'skip'

/** The option of every dataset whose images are listed in a file. */
export const missingImagesSchema = z
  .enum(['later', 'fail', 'skip'])
  .default('later')
  .describe(
    'Listed images that are not there: later = reported when they are decoded, fail = checked now, skip = checked now and left out with a warning',
  )

/** How many names an error or warning spells out. */
const SHOWN = 10

/** Checks what every dataset must hold, and gives its warnings. Throws `dataset/duplicate-id`, `dataset/empty`, `dataset/missing-images`. */
export async function finishDataset(
  name: string,
  items: readonly DatasetItem[],
  context: Pick<LoadContext, 'warn' | 'signal'>,
  missingImages: MissingImages = 'later',
): Promise<Dataset> {
  checkIds(name, items)
  const kept = await presentItems(name, items, (item) => item, context, missingImages)
  if (kept.length === 0)
    throw new LookalikeError(
      'dataset/empty',
      { problem: `The dataset ${name} has no images` },
      { fields: { dataset: name } },
    )
  warnLonelyQueries(name, kept, context)
  return { specVersion: 'v1', name, items: kept }
}

/** What is left of a list when the images that are not there are treated as told. Throws `dataset/missing-images`. */
export async function presentItems<T>(
  name: string,
  list: readonly T[],
  itemOf: (entry: T) => DatasetItem,
  context: Pick<LoadContext, 'warn' | 'signal'>,
  missingImages: MissingImages,
): Promise<readonly T[]> {
  if (missingImages === 'later') return list
  const there = await findFiles(list.map(itemOf), context.signal)
  const missing = list.flatMap((entry, at) => (there[at] ? [] : [String(itemOf(entry).source)]))
  if (missing.length === 0) return list
  const text = `${missing.length} of the ${list.length} images of ${name} are not there: ${shown(missing)}`
  const fields = { dataset: name, missing }
  if (missingImages === 'fail') {
    throw new LookalikeError(
      'dataset/missing-images',
      { problem: text, fix: "Set missingImages to 'skip' to go on without them" },
      { fields },
    )
  }
  context.warn({ code: 'dataset/missing-images', message: `${text}. They are left out.`, fields })
  return list.filter((_, at) => there[at])
}

function checkIds(name: string, items: readonly DatasetItem[]): void {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { id } of items) (seen.has(id) ? twice : seen).add(id)
  if (twice.size === 0) return
  throw new LookalikeError(
    'dataset/duplicate-id',
    {
      problem: `The dataset ${name} has ${twice.size} ids more than once: ${shown([...twice])}`,
      expected: 'one item an id',
    },
    { fields: { dataset: name, ids: [...twice] } },
  )
}

async function findFiles(items: readonly DatasetItem[], signal: AbortSignal | undefined): Promise<Uint8Array> {
  const there = new Uint8Array(items.length)
  let next = 0
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      signal?.throwIfAborted()
      const { source } = items[at]!
      const local = typeof source === 'string' && !/^https?:/i.test(source)
      const found =
        !local ||
        (await access(source).then(
          () => true,
          () => false,
        ))
      there[at] = found ? 1 : 0
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  return there
}

/** A query that shares no label with another gallery item of its split can never be answered. */
function warnLonelyQueries(name: string, items: readonly DatasetItem[], context: Pick<LoadContext, 'warn'>): void {
  for (const split of ['validation', 'test'] satisfies Split[]) {
    const part = items.filter((item) => item.split === split)
    const gallery = new Map<string, number>()
    for (const item of part) {
      if (item.isGallery) for (const label of labelsOf(item)) gallery.set(label, (gallery.get(label) ?? 0) + 1)
    }
    const lonely = part.filter(
      (item) =>
        item.isQuery && labelsOf(item).every((label) => (gallery.get(label) ?? 0) - (item.isGallery ? 1 : 0) === 0),
    )
    if (lonely.length === 0) continue
    const labels = [...new Set(lonely.map(({ label }) => label))]
    context.warn({
      code: 'dataset/queries-without-gallery',
      message: `${lonely.length} ${split} queries of ${name} have no gallery image of their label, so nothing can answer them: ${shown(labels)}`,
      fields: { dataset: name, split, queries: lonely.length, labels },
    })
  }
}

const labelsOf = ({ label, labels = [label] }: DatasetItem) => labels

/** The first names of a list, and how many more there are. */
export function shown(names: readonly string[]): string {
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
