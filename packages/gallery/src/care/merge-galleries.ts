import { isDeepStrictEqual } from 'node:util'
import {
  type Embeddings,
  type Gallery,
  type GalleryChange,
  type GalleryEntry,
  LookalikeError,
  type OperationOptions,
} from '@lookalike/core'
import { movedSource } from './export-gallery.js'
import { baseOf, entriesOf, lookUp, nameOf, vectorsOf } from './reading.js'

const BLOCK_ROWS = 1024

export interface MergeGalleriesOptions extends OperationOptions {
  /**
   * What happens where two galleries have different images under one id: `fail` before anything is changed, `keep` what is there, or `replace` it by the
   * one of the later gallery, and what is said of the same image by what the later gallery says. Default `fail`.
   */
  readonly onClash?: 'fail' | 'keep' | 'replace' | undefined
}

export interface MergedGalleries {
  readonly added: number
  readonly replaced: number
  /** The same image was there, and the later gallery says something else of it; with `replace`. */
  readonly updated: number
  /** The same image was there under the same id. */
  readonly unchanged: number
  /** Another image was there under the same id, and stayed. */
  readonly kept: number
}

/**
 * Takes the images of other galleries into one, with their vectors as they are: nothing is embedded. A merge that was interrupted goes on when it is called
 * again.
 *
 * @throws `gallery/space` naming the first gallery that holds vectors of another model, `merge/clash`; both before anything is changed
 *
 * @example
 * await mergeGalleries(all, [north, south], { onClash: 'keep' })
 */
export async function mergeGalleries(
  into: Gallery,
  others: readonly Gallery[],
  { onClash = 'fail', signal, onProgress }: MergeGalleriesOptions = {},
): Promise<MergedGalleries> {
  for (const other of others) checkSpace(into, other)
  if (onClash === 'fail') await checkClashes(into, others)
  const counts = { added: 0, replaced: 0, updated: 0, unchanged: 0, kept: 0 }
  let done = 0
  for (const other of others) {
    const total = done + (await other.count())
    const report = (images: number) => onProgress?.({ phase: 'merge', done: done + images, total, unit: 'image' })
    const merged = await mergeGallery(into, other, { onClash, base: baseOf(other), signal, report })
    for (const key of Object.keys(counts) as (keyof MergedGalleries)[]) counts[key] += merged[key]
    done = total
  }
  return counts
}

interface MergeGalleryOptions extends Pick<MergeGalleriesOptions, 'signal'> {
  readonly onClash: 'fail' | 'keep' | 'replace'
  /** The folder that sources of the other gallery start at. */
  readonly base: string
  /** So many images of it are done. */
  readonly report?: ((images: number) => void) | undefined
}

export async function mergeGallery(
  into: Gallery,
  other: Gallery,
  { onClash, base, signal, report }: MergeGalleryOptions,
): Promise<MergedGalleries> {
  const counts = { added: 0, replaced: 0, updated: 0, unchanged: 0, kept: 0 }
  const entries = await entriesOf(other, { signal })
  for (let start = 0; start < entries.length; start += BLOCK_ROWS) {
    signal?.throwIfAborted()
    const block = entries.slice(start, start + BLOCK_ROWS).map((entry) => moved(entry, base, baseOf(into)))
    const wanted: GalleryEntry[] = []
    const changes: GalleryChange[] = []
    const there = await lookUp(
      into,
      block.map(({ id }) => id),
    )
    for (const [i, entry] of block.entries()) {
      const own = there[i]
      const change = own?.hash === entry.hash && onClash === 'replace' ? changeTo(own, entry) : undefined
      if (change) changes.push(change)
      const same = change ? 'updated' : 'unchanged'
      const what = !own ? 'added' : own.hash === entry.hash ? same : onClash === 'keep' ? 'kept' : 'replaced'
      counts[what]++
      if (what === 'added' || what === 'replaced') wanted.push(entry)
    }
    if (changes.length > 0) await into.update(changes)
    await copyEntries(other, into, wanted)
    report?.(start + block.length)
  }
  return counts
}

/** An entry as the gallery that it comes to keeps it. */
function moved(entry: GalleryEntry, from: string, to: string): GalleryEntry {
  return entry.source === undefined ? entry : { ...entry, source: movedSource(entry.source, from, to) }
}

/** What is said otherwise of the same image. Whether it is found is for the gallery that it comes to. */
function changeTo(own: GalleryEntry, { metadata, uncertainty, source }: GalleryEntry): GalleryChange | undefined {
  const change = {
    ...(metadata !== undefined && !isDeepStrictEqual({ ...metadata }, { ...own.metadata }) && { metadata }),
    ...(uncertainty !== undefined && uncertainty !== own.uncertainty && { uncertainty }),
    ...(source !== undefined && source !== own.source && { source }),
  }
  return Object.keys(change).length === 0 ? undefined : { id: own.id, ...change }
}

async function copyEntries(from: Gallery, to: Gallery, entries: readonly GalleryEntry[]): Promise<void> {
  if (entries.length === 0) return
  const members: Record<string, Embeddings> = {}
  for (const { name } of to.members) members[name] = await vectorsOf(from, entries, name)
  await to.add(entries, { embeddings: await vectorsOf(from, entries), members })
}

const describeVectors = ({ space, dim, members }: Gallery) =>
  [`${dim} of ${space}`, ...members.map((member) => `${member.name}: ${member.dim} of ${member.space}`)].join('; ')

function checkSpace(into: Gallery, other: Gallery): void {
  if (describeVectors(into) === describeVectors(other)) return
  throw new LookalikeError(
    'gallery/space',
    {
      problem: `The gallery ${nameOf(other)} holds other vectors (${describeVectors(other)}) than ${nameOf(into)} (${describeVectors(into)})`,
      expected: 'galleries of the same model',
      fix: 'Index the images of one of them again with the model of the other.',
    },
    { fields: { path: nameOf(other), held: describeVectors(other), wanted: describeVectors(into) } },
  )
}

async function checkClashes(into: Gallery, others: readonly Gallery[]): Promise<void> {
  const hashes = new Map((await entriesOf(into)).map(({ id, hash }) => [id, hash]))
  const clashes: string[] = []
  for (const other of others) {
    for (const { id, hash } of await entriesOf(other)) {
      const known = hashes.get(id)
      if (known === undefined) hashes.set(id, hash)
      else if (known !== hash) clashes.push(id)
    }
  }
  if (clashes.length === 0) return
  const named = clashes.slice(0, 5).map((id) => JSON.stringify(id))
  throw new LookalikeError(
    'merge/clash',
    {
      problem: `${clashes.length} ids stand for different images in these galleries: ${named.join(', ')}${clashes.length > named.length ? ', ...' : ''}`,
      expected: 'to be told what happens with them',
      fix: 'Say with onClash whether to keep what is there or to replace it: --on-clash=keep, --on-clash=replace.',
    },
    { fields: { ids: clashes } },
  )
}
