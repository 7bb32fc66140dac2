import type { GalleryEntry } from '@lookalike/core'
import { API, type ApiOptions } from './api-options.js'

/** An item as the API shows it. */
export function itemOf({ service, originals }: Pick<ApiOptions, 'service' | 'originals'>, entry: GalleryEntry) {
  const { id, hash, metadata = {}, uncertainty, rejected, box } = entry
  // Half a surrogate pair stands in no address.
  const has = !/\p{Surrogate}/u.test(id) && service.pictureOf(entry) !== undefined
  const at = has ? `${API}/items/${encodeURIComponent(id)}` : ''
  return {
    id,
    hash,
    metadata,
    uncertainty,
    rejected,
    box,
    thumbnail: has ? `${at}/thumbnail?hash=${encodeURIComponent(hash)}` : null,
    image: has && originals ? `${at}/image` : null,
  }
}
