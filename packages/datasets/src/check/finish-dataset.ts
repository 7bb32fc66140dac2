import { access } from 'node:fs/promises'
import { type Dataset, type DatasetItem, LookalikeError, type Split } from '@lookalike/core'
import { z } from 'zod'
import type { LoadContext } from '../load-context.js'
import { shown } from './shown.js'
import { warnDuplicates } from './warn-duplicates.js'

/** What to do about images that are listed and not there. */
export type MissingImages = 'later' | 'fail' | 'skip'

/** The option of every dataset whose images are listed in a file. */
export const missingImagesSchema = z
  .enum(['later', 'fail', 'skip'])
  .default('later')
  .describe(
    'Listed images that are not there: later = reported when they are decoded, fail = checked now, skip = checked now and left out with a warning',
  )

export interface FinishOptions {
  /** Default `later`. */
  readonly missingImages?: MissingImages | undefined
  /** Look for files of different classes with the same bytes. Default false: the public benchmarks are as they are. */
  readonly duplicates?: boolean | undefined
  /** Warn about queries that nothing can answer. Default true. */
  readonly lonelyQueries?: boolean | undefined
}

/** Checks what every dataset must hold, and gives its warnings. Throws `dataset/duplicate-id`, `dataset/empty`, `dataset/missing-images`. */
export async function finishDataset(
  name: string,
  items: readonly DatasetItem[],
  context: Pick<LoadContext, 'warn' | 'signal'>,
  { missingImages = 'later', duplicates = false, lonelyQueries = true }: FinishOptions = {},
): Promise<Dataset> {
  checkIds(name, items)
  const kept = await presentItems(name, items, (item) => item, context, missingImages)
  if (kept.length === 0)
    throw new LookalikeError(
      'dataset/empty',
      { problem: `The dataset ${name} has no images` },
      { fields: { dataset: name } },
    )
  if (lonelyQueries) {
    warnLonelyQueries(name, kept, context)
    warnClasses(name, kept, context)
  }
  if (duplicates) await warnDuplicates(name, kept, context)
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

/** Classes that nothing can be learnt or measured with. */
function warnClasses(name: string, items: readonly DatasetItem[], context: Pick<LoadContext, 'warn'>): void {
  const images = new Map<string, number>()
  const training = new Map<string, number>()
  for (const item of items) {
    for (const label of labelsOf(item)) {
      images.set(label, (images.get(label) ?? 0) + 1)
      if (item.split === 'train') training.set(label, (training.get(label) ?? 0) + 1)
    }
  }
  if (images.size === 1) {
    context.warn({
      code: 'dataset/one-class',
      message: `All images of ${name} are of one class (${[...images.keys()][0]}), so every answer is right and nothing can be learnt`,
      fields: { dataset: name, label: [...images.keys()][0] },
    })
  }
  if (training.size > 0 && [...training.values()].every((count) => count === 1)) {
    context.warn({
      code: 'dataset/one-image-a-class',
      message: `Every training class of ${name} has a single image, so training finds no two images that belong together`,
      fields: { dataset: name, classes: training.size },
    })
  }
}

const labelsOf = ({ label, labels = [label] }: DatasetItem) => labels
