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
  const kept = missingImages === 'later' ? items : await checkFiles(name, items, missingImages, context)
  if (kept.length === 0)
    throw new LookalikeError(
      'dataset/empty',
      { problem: `The dataset ${name} has no images` },
      { fields: { dataset: name } },
    )
  warnLonelyQueries(name, kept, context)
  return { specVersion: 'v1', name, items: kept }
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

async function checkFiles(
  name: string,
  items: readonly DatasetItem[],
  missingImages: MissingImages,
  context: Pick<LoadContext, 'warn' | 'signal'>,
): Promise<readonly DatasetItem[]> {
  const there = new Uint8Array(items.length)
  let next = 0
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      context.signal?.throwIfAborted()
      const { source } = items[at]!
      const local = typeof source === 'string' && !/^(https?|data|file):/i.test(source)
      there[at] =
        !local ||
        (await access(source).then(
          () => true,
          () => false,
        ))
          ? 1
          : 0
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  const missing = items.filter((_, at) => !there[at]).map(({ source }) => String(source))
  if (missing.length === 0) return items
  const text = `${missing.length} of the ${items.length} images of ${name} are not there: ${shown(missing)}`
  const fields = { dataset: name, missing }
  if (missingImages === 'fail') {
    throw new LookalikeError(
      'dataset/missing-images',
      { problem: text, fix: "Set missingImages to 'skip' to go on without them" },
      { fields },
    )
  }
  context.warn({ code: 'dataset/missing-images', message: `${text}. They are left out.`, fields })
  return items.filter((_, at) => there[at])
}

/** A query whose label no other gallery item of its split has can never be answered. */
function warnLonelyQueries(name: string, items: readonly DatasetItem[], context: Pick<LoadContext, 'warn'>): void {
  for (const split of ['validation', 'test'] satisfies Split[]) {
    const part = items.filter((item) => item.split === split)
    const gallery = new Map<string, number>()
    for (const { label, isGallery } of part) if (isGallery) gallery.set(label, (gallery.get(label) ?? 0) + 1)
    const lonely = part.filter(
      ({ label, isQuery, isGallery }) => isQuery && (gallery.get(label) ?? 0) - (isGallery ? 1 : 0) === 0,
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

/** The first names of a list, and how many more there are. */
export function shown(names: readonly string[]): string {
  const more = names.length - SHOWN
  return names.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}
