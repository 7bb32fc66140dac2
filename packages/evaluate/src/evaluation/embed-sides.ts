import {
  type DatasetItem,
  type Embeddings,
  type ImageRequest,
  type Model,
  type OperationOptions,
  selectRows,
} from '@lookalike/core'
import type { Embed } from './evaluation.js'

/** Both sides of the search, without the images that could not be read. */
export interface Sides {
  readonly queryItems: readonly DatasetItem[]
  readonly galleryItems: readonly DatasetItem[]
  readonly queries: Embeddings
  readonly gallery: Embeddings
  readonly uncertainty?: Float32Array | undefined
}

/** Embeds a split with a model. */
export async function embedSides(
  embed: Embed,
  items: readonly DatasetItem[],
  model: Model,
  options: OperationOptions,
): Promise<Sides> {
  const queries = items.filter(({ isQuery }) => isQuery)
  const gallery = items.filter(({ isGallery }) => isGallery)
  // One array for both sides lets the model see each image once.
  const same = model.symmetric || items.every(({ isQuery, isGallery }) => isQuery === isGallery)
  const used = items.filter(({ isQuery, isGallery }) => isQuery || isGallery)
  const images = same ? used.map(requestOf) : undefined
  const one = async (role: 'query' | 'gallery', wanted: readonly DatasetItem[]) => {
    const embedded = await embed(images ?? wanted.map(requestOf), role, { ...options, model })
    const of = images ? used : wanted
    const member = role === 'query' ? ({ isQuery }: DatasetItem) => isQuery : ({ isGallery }: DatasetItem) => isGallery
    const rows = Array.from(embedded.positions, (_, row) => row).filter((row) => member(of[embedded.positions[row]!]!))
    const kept = rows.map((row) => of[embedded.positions[row]!]!)
    const embeddings =
      rows.length === embedded.embeddings.rows ? embedded.embeddings : selectRows(embedded.embeddings, rows)
    return {
      kept,
      embeddings,
      uncertainty: embedded.uncertainty && Float32Array.from(rows, (row) => embedded.uncertainty![row]!),
    }
  }
  const galleryPart = await one('gallery', gallery)
  const queryPart = await one('query', queries)
  return {
    queryItems: queryPart.kept,
    galleryItems: galleryPart.kept,
    queries: queryPart.embeddings,
    gallery: galleryPart.embeddings,
    uncertainty: galleryPart.uncertainty,
  }
}

/** An item as an image to embed. */
export function requestOf({ source, box }: DatasetItem): ImageRequest {
  return { source, box }
}
