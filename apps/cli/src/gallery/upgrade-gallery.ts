import {
  type GalleryStore,
  LookalikeError,
  type Model,
  type OperationOptions,
  type VectorIndexEngine,
} from '@lookalike/core'
import { noSuchGallery } from '@lookalike/core/gallery'

export interface Upgraded {
  readonly images: number
  /** False when the gallery was made by this very model. */
  readonly changed: boolean
}

/**
 * Makes a gallery's vectors anew from the gallery models' embeddings that it keeps, for a new query model or new transforms. The
 * old vectors serve until the new ones are whole.
 *
 * @throws `upgrade/model` for models without gallery members, `upgrade/members` when the gallery keeps no embeddings of one of
 * them, `gallery/not-found`, `gallery/locked`.
 */
export async function upgradeGallery(
  store: GalleryStore,
  model: Model,
  options: OperationOptions & { readonly engine?: VectorIndexEngine | undefined } = {},
): Promise<Upgraded> {
  const { engine, ...operation } = options
  const { members, fromMembers } = model
  if (!members || !fromMembers) {
    throw new LookalikeError('upgrade/model', {
      problem: `The model ${model.name} does not map embeddings of gallery models`,
      expected: 'a combiner that does, such as cross-model',
      fix: 'Index the images again with: lookalike index',
    })
  }
  const held = await store.describe()
  if (!held) throw noSuchGallery(store.name)
  const missing = members.filter(
    ({ name, space, dim }) =>
      !held.members.some((kept) => kept.name === name && kept.space === space && kept.dim === dim),
  )
  if (missing.length > 0) {
    throw new LookalikeError(
      'upgrade/members',
      {
        problem: `The gallery ${store.name} keeps no embeddings of ${missing.map(({ name, space }) => `"${name}" (${space})`).join(', ')}`,
        expected: `a gallery indexed with the same gallery models; this one keeps ${held.members.map(({ name, space }) => `"${name}" (${space})`).join(', ') || 'none'}`,
        fix: 'Index the images again with: lookalike index',
      },
      { fields: { gallery: store.name, missing: missing.map(({ name }) => name) } },
    )
  }
  const gallery = await store.open({ ...operation, engine })
  try {
    const changed = gallery.space !== model.space
    if (changed)
      await gallery.rewrite(
        { space: model.space, dim: model.dim, transform: ({ members: kept }) => fromMembers(kept) },
        operation,
      )
    return { images: await gallery.count(), changed }
  } finally {
    await gallery.close()
  }
}
