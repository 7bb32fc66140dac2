import { createHash } from 'node:crypto'
import { type DatasetItem, type OperationOptions } from '@lookalike/core'
import { hashImage } from '@lookalike/image'

const AT_ONCE = 8

/** SHA-256 of what a run is trained on: ids, labels and the images' content (of images behind `http`, only their addresses). */
export async function hashData(
  items: readonly DatasetItem[],
  { signal }: Pick<OperationOptions, 'signal'> = {},
): Promise<string> {
  const hashes: string[] = []
  let next = 0
  const work = async () => {
    for (let i = next++; i < items.length; i = next++) {
      signal?.throwIfAborted()
      const { source, box } = items[i]!
      const address = source instanceof URL ? source.href : source
      const remote = typeof address === 'string' && /^https?:/.test(address)
      // Unreadable images are reported where they are loaded.
      hashes[i] = remote ? address : await hashImage({ source, ...(box && { box }) }).catch(() => 'unreadable')
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const hash = createHash('sha256')
  items.forEach(({ id, label, split }, i) => hash.update(`${split}\t${label}\t${id}\t${hashes[i]}\n`))
  return hash.digest('hex')
}
