import { createHash } from 'node:crypto'
import { type Dataset, type DatasetItem, type OperationOptions, type Split, toWarning } from '@lookalike/core'
import { hashImage } from './hash-image.js'

export interface HashDatasetOptions extends Pick<OperationOptions, 'signal' | 'onWarning'> {
  /** Only these parts; by default all. */
  readonly splits?: readonly Split[]
  /** Whether the images' bytes count (default true), or only what the dataset says about them. */
  readonly contents?: boolean
}

/** Files read at a time. */
const CONCURRENCY = 8

/**
 * A fingerprint of a dataset for training cards: SHA-256 in hex over the items in their order (id, label, split, roles,
 * category, sequence, box), the triples, and the bytes of the images. Where the files lie does not matter. An image that
 * cannot be read counts as such and is reported through `onWarning`.
 */
export async function hashDataset(dataset: Dataset, options: HashDatasetOptions = {}): Promise<string> {
  const { splits, contents = true } = options
  const inParts = ({ split }: { readonly split: Split }) => splits?.includes(split) ?? true
  const items = dataset.items.filter(inParts)
  const images = contents ? await hashImages(items, options) : undefined
  const hash = createHash('sha256')
  items.forEach(({ id, label, split, isQuery, isGallery, category, sequence, box }, at) => {
    const edges = box && [box.x, box.y, box.width, box.height]
    hash.update(`${JSON.stringify([id, label, split, isQuery, isGallery, category, sequence, edges, images?.[at]])}\n`)
  })
  for (const { reference, a, b, closer, split, context, classA, classB, agreement } of dataset.triples?.filter(
    inParts,
  ) ?? []) {
    hash.update(`${JSON.stringify([reference, a, b, closer, split, context, classA, classB, agreement])}\n`)
  }
  return hash.digest('hex')
}

async function hashImages(items: readonly DatasetItem[], { signal, onWarning }: HashDatasetOptions): Promise<string[]> {
  const hashes: string[] = []
  let next = 0
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      signal?.throwIfAborted()
      const { source, id } = items[at]!
      try {
        hashes[at] = await hashImage({ source }, signal ? { signal } : {})
      } catch (error) {
        signal?.throwIfAborted()
        hashes[at] = 'unreadable'
        onWarning?.(toWarning(error, { id }))
      }
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return hashes
}
