import type { Combined, Combiner } from '../contracts/combiner.js'
import type { Embeddings } from '../contracts/embeddings.js'
import type { Encoder } from '../contracts/encoder.js'
import type { ImageRequest } from '../contracts/image.js'
import { LookalikeError } from '../errors.js'
import { selectRows } from '../matrix/create-embeddings.js'
import { embedImages, type EmbeddedImages, type EmbedOptions } from './embed-images.js'

export interface ModelImages extends EmbeddedImages {
  /** One value a row, larger = less sure; only for gallery images, only where the model has one. */
  readonly uncertainty?: Float32Array
  /** By name, row by row; only for gallery images, only of the model's `members`. */
  readonly members?: Readonly<Record<string, Embeddings>>
}

/** An encoder or a combiner, seen from the images' side: images in, comparable vectors out. */
export interface Model {
  readonly name: string
  readonly dim: number
  readonly space: string
  /** Whether query and gallery images are embedded in the same way. */
  readonly symmetric: boolean
  /** Whose embeddings a gallery keeps beside those that are searched. */
  readonly members?: readonly { readonly name: string; readonly space: string; readonly dim: number }[]
  /** Calls with the same array of images share the work of members that both roles use. */
  embed(images: readonly ImageRequest[], role: 'query' | 'gallery', options?: EmbedOptions): Promise<ModelImages>
  /** Gallery vectors from the embeddings of all `members`, without the images; only where there are members. */
  fromMembers?(members: Readonly<Record<string, Embeddings>>): Promise<Combined<'gallery'>>
  /** What the model is to be compared with; they share its work on the same array of images, and end with it. */
  baselines?(): Promise<readonly { readonly name: string; readonly model: Model }[]>
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
  return modelWith(combiner, new Map())
}

function modelWith(combiner: Combiner, embedders: Map<Encoder, ReturnType<typeof remember>>): Model {
  for (const encoder of [...combiner.queryEncoders, ...combiner.galleryEncoders]) {
    if (!embedders.has(encoder)) embedders.set(encoder, remember((images, options) => embedImages(encoder, images, options)))
  }
  const names = combiner.galleryMembers
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
    ...(names && {
      members: names.map((name, i) => ({ name, space: combiner.galleryEncoders[i]!.space, dim: combiner.galleryEncoders[i]!.dim })),
      fromMembers: (given: Readonly<Record<string, Embeddings>>) => combiner.combineGallery(names.map((name) => given[name] ?? missingMember(combiner.name, name))),
    }),
    ...(combiner.baselines && {
      baselines: async () => (await combiner.baselines!()).map((baseline) => ({ name: baseline.name, model: modelWith(baseline.combiner, embedders) })),
    }),
    async embed(images, role, options) {
      const query = role === 'query'
      const { positions, matrices } = await members(query ? combiner.queryEncoders : combiner.galleryEncoders, images, options)
      if (query) return { positions, ...(await combiner.combineQuery(matrices)) }
      const kept = names && { members: Object.fromEntries(names.map((name, i) => [name, matrices[i]!])) }
      return { positions, ...(await combiner.combineGallery(matrices)), ...kept }
    },
    dispose: () => combiner.dispose(),
  }
}

function missingMember(combiner: string, name: string): never {
  throw new LookalikeError(
    'embeddings/member-missing',
    { problem: `There are no embeddings of the member "${name}" of ${combiner}`, expected: 'embeddings of every gallery model', fix: 'Index the images again with all gallery models.' },
    { fields: { combiner, member: name } },
  )
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
