import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import type { DatasetItem } from '@lookalike/core'
import type { LoadContext } from '../load-context.js'
import { shown } from './shown.js'

/** Beyond so many files the look at each of them would be felt (ours). */
const MOST = 20_000

/**
 * Warns about files of different classes with the same bytes: such images are wrong answers to each other, whatever a model does. Only files of
 * the same size are read; larger datasets are not looked at.
 */
export async function warnDuplicates(
  name: string,
  items: readonly DatasetItem[],
  context: Pick<LoadContext, 'warn' | 'signal'>,
): Promise<void> {
  const files = items.filter(({ source }) => typeof source === 'string' && !/^https?:/i.test(source))
  if (files.length > MOST) return
  const bySize = await groupBy(files, context.signal, async ({ source }) => {
    const { size } = await stat(source as string)
    return size > 0 ? String(size) : undefined
  })
  const doubtful = [...bySize.values()].filter(ofSeveralClasses).flat()
  const byHash = await groupBy(doubtful, context.signal, async ({ source }) =>
    createHash('sha256')
      .update(await readFile(source as string))
      .digest('hex'),
  )
  const groups = [...byHash.values()].filter(ofSeveralClasses)
  if (groups.length === 0) return
  const ids = groups.map((group) => group.map(({ id }) => id))
  context.warn({
    code: 'dataset/duplicates',
    message: `${groups.length} images of ${name} lie in several classes with the same bytes, so each is a wrong answer to itself: ${shown(ids.map((group) => group.join(' = ')))}`,
    fields: { dataset: name, duplicates: ids },
  })
}

const ofSeveralClasses = (group: readonly DatasetItem[]) => {
  const [first, ...rest] = group
  return rest.some(
    ({ label, labels = [label] }) => !labels.some((one) => (first!.labels ?? [first!.label]).includes(one)),
  )
}

/** Files that cannot be read are left to the decoder, which names them. */
async function groupBy(
  items: readonly DatasetItem[],
  signal: AbortSignal | undefined,
  keyOf: (item: DatasetItem) => Promise<string | undefined>,
): Promise<Map<string, DatasetItem[]>> {
  const keys: (string | undefined)[] = []
  let next = 0
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      signal?.throwIfAborted()
      keys[at] = await keyOf(items[at]!).catch(() => undefined)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  const groups = new Map<string, DatasetItem[]>()
  items.forEach((item, at) => {
    const key = keys[at]
    if (key === undefined) return
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  })
  return groups
}
