import path from 'node:path'
import { type Gallery, LookalikeError, type OperationOptions } from '@lookalike/core'
import { describeShard, readShardNote, type ShardNote, type SkippedImage } from '@lookalike/image'
import { openGallery } from '../gallery/open-gallery.js'
import { codesIn } from '../store/folder-codes.js'
import { type MergedGalleries, mergeGallery } from './merge-galleries.js'
import { entriesOf } from './reading.js'

const BLOCK_CODES = 1024
/** How many shards an error names. */
const SHOWN = 20

export interface MergedShards extends Omit<MergedGalleries, 'kept'> {
  readonly shards: number
  /** Images of the shards that could not be read. */
  readonly skipped: readonly SkippedImage[]
}

/**
 * Puts the shards of a listing together, with what rerankers keep of their images: what comes into the gallery is what one process would have put
 * there, in the same order. Shards stay as they are; a merge that was interrupted goes on when it is called again.
 *
 * @param shards the folders of all shards, in any order
 * @throws `merge/shard` naming the shards that are missing, there twice, not finished, or of another listing; `gallery/space`; both before anything
 * is changed
 *
 * @example
 * await mergeShards(gallery, ['gallery.shards/1-of-2', 'gallery.shards/2-of-2'])
 */
export async function mergeShards(
  into: Gallery,
  shards: readonly string[],
  { onWarning, ...options }: OperationOptions = {},
): Promise<MergedShards> {
  const inOrder = await checkShards(shards)
  const skipped: SkippedImage[] = []
  const counts = { added: 0, replaced: 0, updated: 0, unchanged: 0 }
  const open = (folder: string) =>
    openGallery(folder, { mode: 'read', space: into.space, dim: into.dim, members: into.members, onWarning })
  // Another model's shard is found before anything is changed.
  for (const { folder } of inOrder) await (await open(folder)).close()
  for (const [i, { folder, note }] of inOrder.entries()) {
    const shard = await open(folder)
    try {
      // A shard that was copied from elsewhere without its images still knows where they are from the root.
      const base = path.resolve(into.root, path.relative(shard.root, shard.base))
      const merged = await mergeGallery(into, shard, { onClash: 'replace', base, signal: options.signal })
      for (const key of ['added', 'replaced', 'updated', 'unchanged'] as const) counts[key] += merged[key]
      await copyCodes(shard, folder, into, options)
      skipped.push(...note.skipped)
    } finally {
      await shard.close()
    }
    options.onProgress?.({ phase: 'merge', done: i + 1, total: inOrder.length, unit: 'shard' })
  }
  return { shards: inOrder.length, ...counts, skipped }
}

/** Rerankers need not look at these images again. */
async function copyCodes(from: Gallery, folder: string, to: Gallery, { signal }: OperationOptions): Promise<void> {
  for (const { reranker, key } of await codesIn(folder)) {
    const source = from.codes(reranker, key)
    const target = to.codes(reranker, key)
    const hashes = await target.missing([...new Set((await entriesOf(from)).map(({ hash }) => hash))])
    for (let start = 0; start < hashes.length; start += BLOCK_CODES) {
      signal?.throwIfAborted()
      const block = hashes.slice(start, start + BLOCK_CODES)
      const codes = await source.get(block)
      await target.put(block.flatMap((hash, i) => (codes[i] ? [{ hash, code: codes[i] }] : [])))
    }
  }
}

interface FoundShard {
  readonly folder: string
  readonly note: ShardNote
}

/** All shards of one listing, each once and finished, in their order. */
async function checkShards(folders: readonly string[]): Promise<readonly FoundShard[]> {
  const found: FoundShard[] = []
  for (const each of folders) {
    const folder = path.resolve(each)
    const note = await readShardNote(folder)
    if (!note)
      throw badShards(
        `${folder} has no note of a shard (shard.json)`,
        'galleries that "index --shard" made, and no others with them',
        'Where its indexing was stopped at once, run the same command again.',
      )
    found.push({ folder, note })
  }
  const [first] = found
  if (!first) throw badShards('There are no shards', 'the folders of all shards of a listing')
  const places = new Map<number, string>()
  for (const { folder, note } of found) {
    if (note.of !== first.note.of)
      throw badShards(
        `${first.folder} is ${nameOf(first.note)}, and ${folder} is ${nameOf(note)}`,
        'shards of one division',
        'Name the folders of those that belong together.',
      )
    const twice = places.get(note.shard)
    if (twice !== undefined)
      throw badShards(`${capital(nameOf(note))} is there twice: ${twice} and ${folder}`, 'each shard once')
    places.set(note.shard, folder)
  }
  const { of } = first.note
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((shard) => !places.has(shard))
  if (missing.length > 0)
    throw badShards(
      `Of ${of} shards ${missing.length === 1 ? 'one is' : `${missing.length} are`} missing: ${listed(missing)}`,
      `all ${of}`,
      `Index ${missing.length === 1 ? 'it' : 'them'}: lookalike index --shard=${missing[0]}/${of}`,
    )
  const half = found.filter(({ note }) => !note.finished)
  if (half.length > 0)
    throw badShards(
      `Of ${of} shards ${half.length === 1 ? 'one is' : `${half.length} are`} not finished: ${listed(half.map(({ note }) => note.shard))}`,
      'shards whose indexing has ended',
      'Run the same command again: it goes on where it stopped.',
    )
  checkListings(found)
  return found.sort((a, b) => a.note.shard - b.note.shard)
}

/** Between two processes that list a folder, somebody may put a file into it. */
function checkListings(found: readonly FoundShard[]): void {
  const byListing = new Map<string, FoundShard[]>()
  for (const shard of found) byListing.set(shard.note.listing, [...(byListing.get(shard.note.listing) ?? []), shard])
  if (byListing.size === 1) return
  const [most, ...others] = [...byListing.values()].sort((a, b) => b.length - a.length)
  const odd = others.flat()
  throw badShards(
    `${odd.length === 1 ? 'Shard' : 'Shards'} ${listed(odd.map(({ note }) => note.shard))} came from another listing (${counted(odd)} images) than the others (${counted(most!)} images): files came, went or were renamed in between`,
    'shards of the same images',
    'Index these shards again; with all files in place it takes only what has changed.',
  )
}

const nameOf = ({ shard, of }: ShardNote) => describeShard({ number: shard, of })
const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
const counted = (shards: readonly FoundShard[]) =>
  [...new Set(shards.map(({ note }) => note.images.toLocaleString('en')))].join(' or ')

function listed(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const more = sorted.length > SHOWN ? ` and ${sorted.length - SHOWN} more` : ''
  return `${sorted.slice(0, SHOWN).join(', ')}${more}`
}

const badShards = (problem: string, expected: string, fix?: string) =>
  new LookalikeError('merge/shard', { problem, expected, fix })
