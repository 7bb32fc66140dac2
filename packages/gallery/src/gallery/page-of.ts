import type { Embeddings, GalleryEntry, GalleryPage, GalleryPageOptions } from '@lookalike/core'
import { noSuchPage } from '@lookalike/core/gallery'
import type { GalleryContents } from './gallery-contents.js'

/** A page of a generation's entries by position; `next` names both. */
export async function pageOf(
  folder: string,
  { entries, filters, store, vectors }: GalleryContents,
  { after, limit = 1000, withVectors, withMembers, signal, ...selection }: GalleryPageOptions,
): Promise<GalleryPage> {
  signal?.throwIfAborted()
  const { generation, members } = store.manifest
  const [, of, from] = after === undefined ? ['', `${generation}`, '0'] : (/^(\d+):(\d+)$/.exec(after) ?? [])
  if (of !== `${generation}`) throw noSuchPage(folder, after ?? '')
  const allowed = filters.of(selection)
  const positions: number[] = []
  const found: GalleryEntry[] = []
  let next: string | undefined
  for (let position = Number(from); position < entries.end; position++) {
    const entry = entries.at(position)
    if (!entry || allowed?.allows(position) === false) continue
    if (found.length === limit) {
      next = `${generation}:${position}`
      break
    }
    positions.push(position)
    found.push(entry)
  }
  const embeddings = withVectors ? await vectors(positions) : undefined
  const ofMembers: Record<string, Embeddings<'gallery'>> = {}
  if (withMembers) for (const { name } of members) ofMembers[name] = await vectors(positions, name)
  return {
    entries: found,
    embeddings,
    members: withMembers ? ofMembers : undefined,
    next,
  }
}
