import type { Embeddings, OperationOptions, Rewrite } from '@lookalike/core'
import { checkUncertainty, checkVectors } from '@lookalike/core/gallery'
import { isSystemError, writeFailed } from '../store/file-errors.js'
import { freeGeneration, removeGeneration } from '../store/generations.js'
import { type Manifest, readManifest, writeManifest } from '../store/manifest.js'
import { createStoreFiles } from '../store/store.js'
import { toAdditions } from './additions.js'
import { type ContentsOptions, type GalleryContents, openContents } from './gallery-contents.js'

/** Images rewritten at a time. */
const REWRITE_ROWS = 4096

/**
 * Writes the next generation of a gallery's files and makes it count. Whatever fails, the generation that gallery.json names is whole.
 *
 * @param transform makes new vectors; without it they stay as they are
 * @returns the generation that counts now, and why that may not last where the switch to it failed half-way
 */
export async function rewriteContents(
  folder: string,
  before: GalleryContents,
  wanted: Pick<Manifest, 'space' | 'dim'>,
  transform: Rewrite['transform'] | undefined,
  options: ContentsOptions & OperationOptions,
): Promise<{ counts: GalleryContents; failure?: unknown }> {
  options.beforeWrite()
  const { manifest } = before.store
  const next: Manifest = { ...manifest, space: wanted.space, dim: wanted.dim, generation: freeGeneration(folder) }
  let fresh: GalleryContents | undefined
  try {
    await createStoreFiles(folder, { manifest: next, root: before.entries.root })
    fresh = await openContents(folder, next, { ...options, unsealed: true })
    await copyImages(before, fresh, transform, options)
    await fresh.store.seal()
    options.beforeWrite()
    await writeManifest(folder, next)
    return { counts: fresh }
  } catch (error) {
    // Whatever the disk now says is what counts, also when the switch itself failed half-way.
    const failure = isSystemError(error) ? writeFailed(folder, error) : error
    if (fresh && countsNow(folder, next)) return { counts: fresh, failure }
    await fresh?.dispose()
    await removeGeneration(folder, next)
    throw failure
  }
}

function countsNow(folder: string, next: Manifest): boolean {
  try {
    return readManifest(folder)?.generation === next.generation
  } catch {
    return false
  }
}

async function copyImages(
  from: GalleryContents,
  to: GalleryContents,
  transform: Rewrite['transform'] | undefined,
  { signal, onProgress }: OperationOptions,
): Promise<void> {
  const { manifest } = to.store
  const all = from.entries.positions()
  for (let start = 0; start < all.length; start += REWRITE_ROWS) {
    signal?.throwIfAborted()
    const positions = all.slice(start, start + REWRITE_ROWS)
    const entries = positions.map((position) => from.entries.at(position)!)
    const members: Record<string, Embeddings> = {}
    for (const { name } of manifest.members) members[name] = await from.vectors(positions, name)
    const embeddings = await from.vectors(positions)
    const changed = transform ? await transform({ embeddings, members, entries }) : { embeddings }
    const matrices = checkVectors(manifest, { embeddings: changed.embeddings, members }, positions.length)
    checkUncertainty(changed.uncertainty, positions.length)
    const records = toAdditions(entries, matrices, start, changed.uncertainty)
    await to.store.write(
      records,
      matrices.map(({ data }) => data),
    )
    to.entries.apply(records)
    onProgress?.({ phase: 'rewrite', done: start + positions.length, total: all.length, unit: 'image' })
  }
}
