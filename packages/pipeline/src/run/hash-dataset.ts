import { createHash } from 'node:crypto'
import {
  type Dataset,
  type DatasetItem,
  type ImageSource,
  type OperationOptions,
  type Split,
  toWarning,
} from '@lookalike/core'
import { hashImage } from '@lookalike/image'

export interface HashDatasetOptions extends OperationOptions {
  /** Only these parts, and the images that their triples name; by default all. */
  readonly splits?: readonly Split[] | undefined
  /** Whether the images' bytes count (default true), or only what the dataset says about them. */
  readonly contents?: boolean | undefined
}

/** Files read at a time. */
const CONCURRENCY = 8

/**
 * A fingerprint of a dataset for runs and their cards: SHA-256 in hex over the items in their order (id, label, split, roles, category, sequence,
 * box), the triples, and the content of the images; of images behind `http` only their addresses. Where files lie does not matter. An image that
 * cannot be read counts as such and is reported through `onWarning`.
 */
export async function hashDataset(dataset: Dataset, options: HashDatasetOptions = {}): Promise<string> {
  const { splits, contents = true } = options
  const inParts = ({ split }: { readonly split: Split }) => splits?.includes(split) ?? true
  const triples = dataset.triples?.filter(inParts) ?? []
  const named = new Set(triples.flatMap(({ reference, a, b }) => [reference, a, b]))
  const items = dataset.items.filter((item) => inParts(item) || named.has(item.id))
  const images = contents ? await hashImages(items, options) : undefined
  const hash = createHash('sha256')
  items.forEach(({ id, label, split, isQuery, isGallery, category, sequence, box }, at) => {
    const edges = box && [box.x, box.y, box.width, box.height]
    hash.update(`${JSON.stringify([id, label, split, isQuery, isGallery, category, sequence, edges, images?.[at]])}\n`)
  })
  for (const { reference, a, b, closer, split, context, classA, classB, agreement } of triples) {
    hash.update(`${JSON.stringify([reference, a, b, closer, split, context, classA, classB, agreement])}\n`)
  }
  return hash.digest('hex')
}

async function hashImages(
  items: readonly DatasetItem[],
  { signal, onWarning, onProgress }: HashDatasetOptions,
): Promise<string[]> {
  const hashes: string[] = []
  let next = 0
  let done = 0
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) {
      signal?.throwIfAborted()
      const { source, id } = items[at]!
      try {
        hashes[at] = remote(source) ?? (await hashImage({ source }, { signal }))
      } catch (error) {
        signal?.throwIfAborted()
        hashes[at] = 'unreadable'
        onWarning?.(toWarning(error, { id }))
      }
      onProgress?.({ phase: 'hash images', done: ++done, total: items.length, unit: 'image' })
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
  return hashes
}

function remote(source: ImageSource): string | undefined {
  const address = source instanceof URL ? source.href : source
  return typeof address === 'string' && /^https?:/.test(address) ? address : undefined
}
