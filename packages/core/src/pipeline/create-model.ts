import type { Combiner } from '../contracts/combiner.js'
import type { Embeddings } from '../contracts/embeddings.js'
import type { Encoder } from '../contracts/encoder.js'
import type { ImageRequest } from '../contracts/image.js'
import { selectRows } from '../matrix/create-embeddings.js'
import { embedImages, type EmbeddedImages, type EmbedOptions } from './embed-images.js'

export interface ModelImages extends EmbeddedImages {
  /** One value a row, larger = less sure; only for gallery images, only where the model has one. */
  readonly uncertainty?: Float32Array
}

/** An encoder or a combiner, seen from the images' side: images in, comparable vectors out. */
export interface Model {
  readonly name: string
  readonly dim: number
  readonly space: string
  /** Whether query and gallery images are embedded in the same way. */
  readonly symmetric: boolean
  /** Calls with the same array of images share the work of members that both roles use. */
  embed(images: readonly ImageRequest[], role: 'query' | 'gallery', options?: EmbedOptions): Promise<ModelImages>
  dispose(): Promise<void>
}

/** A model of one encoder: both roles are the same. */
export function modelOfEncoder(encoder: Encoder): Model {
  const embed = remember((images, options) => embedImages(encoder, images, options))
  return {
    name: encoder.name,
    dim: encoder.dim,
    space: encoder.space,
    symmetric: true,
    embed: (images, _role, options) => embed(images, options),
    dispose: () => encoder.dispose(),
  }
}

/**
 * A model of several encoders. Only the encoders of a role see its images; an image that one member cannot read is left
 * out for all.
 */
export function modelOfCombiner(combiner: Combiner): Model {
  const embedders = new Map<Encoder, ReturnType<typeof remember>>()
  for (const encoder of [...combiner.queryEncoders, ...combiner.galleryEncoders]) {
    if (!embedders.has(encoder)) embedders.set(encoder, remember((images, options) => embedImages(encoder, images, options)))
  }
  const members = async (encoders: readonly Encoder[], images: readonly ImageRequest[], options?: EmbedOptions) => {
    const parts: EmbeddedImages[] = []
    for (const encoder of encoders) parts.push(await embedders.get(encoder)!(images, options))
    return alignRows(parts)
  }
  return {
    name: combiner.name,
    dim: combiner.dim,
    space: combiner.space,
    symmetric: false,
    async embed(images, role, options) {
      const query = role === 'query'
      const { positions, matrices } = await members(query ? combiner.queryEncoders : combiner.galleryEncoders, images, options)
      return { positions, ...(await (query ? combiner.combineQuery(matrices) : combiner.combineGallery(matrices))) }
    },
    dispose: () => combiner.dispose(),
  }
}

/** The rows that every part has, in the same order in all. */
function alignRows(parts: readonly EmbeddedImages[]): { positions: Int32Array; matrices: Embeddings[] } {
  const [first, ...others] = parts
  const sets = others.map(({ positions }) => new Set(positions))
  const kept = (first?.positions ?? new Int32Array()).filter((position) => sets.every((set) => set.has(position)))
  const matrices = parts.map(({ positions, embeddings }) => {
    if (positions.length === kept.length) return embeddings
    const rowOf = new Map(Array.from(positions, (position, row) => [position, row]))
    return selectRows(embeddings, Array.from(kept, (position) => rowOf.get(position)!))
  })
  return { positions: kept, matrices }
}

/** Keeps the result of the last arrays of images for as long as the caller keeps those. */
function remember(embed: (images: readonly ImageRequest[], options?: EmbedOptions) => Promise<EmbeddedImages>) {
  const known = new WeakMap<readonly ImageRequest[], EmbeddedImages>()
  return async (images: readonly ImageRequest[], options?: EmbedOptions): Promise<EmbeddedImages> => {
    const before = known.get(images)
    if (before) return before
    const result = await embed(images, options)
    known.set(images, result)
    return result
  }
}
