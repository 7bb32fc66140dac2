import {
  type Combiner,
  createEmbeddings,
  type EmbeddedImages,
  type Embeddings,
  type EmbedOptions,
  type Encoder,
  type ImageRequest,
  LookalikeError,
  type Model,
  selectRows,
  unitRows,
} from '@lookalike/core'
import { embedImages } from './embed-images.js'

/** A model of one encoder: both roles are the same. */
export function modelOfEncoder(encoder: Encoder): Model {
  const embed = remember((images, options) => embedImages(encoder, images, options))
  return {
    name: encoder.name,
    dim: encoder.dim,
    space: encoder.space,
    symmetric: true,
    queryEncoder: encoder,
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

/**
 * A model whose queries another encoder embeds, for an encoder that is to stand for the model's own: with smaller weights, say. Both share a space
 * only as far as their vectors agree, so this is for measuring that. It owns neither.
 */
export function askedBy(model: Model, encoder: Encoder): Model {
  const queries = modelOfEncoder(encoder)
  const { space } = model
  return {
    ...model,
    symmetric: false,
    queryEncoder: encoder,
    async embed(images, role, options) {
      if (role === 'gallery') return model.embed(images, role, options)
      const { embeddings, positions } = await queries.embed(images, role, options)
      const { data, rows, dim } = embeddings
      return { embeddings: createEmbeddings({ data: unitRows(data, dim), rows, dim, space, role }), positions }
    },
    dispose: async () => {},
  }
}

function modelWith(combiner: Combiner, embedders: Map<Encoder, ReturnType<typeof remember>>): Model {
  for (const encoder of [...combiner.queryEncoders, ...combiner.galleryEncoders]) {
    if (!embedders.has(encoder))
      embedders.set(
        encoder,
        remember((images, options) => embedImages(encoder, images, options)),
      )
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
    queryEncoder: combiner.queryEncoders.length === 1 ? combiner.queryEncoders[0] : undefined,
    ...(names && {
      members: names.map((name, i) => ({
        name,
        space: combiner.galleryEncoders[i]!.space,
        dim: combiner.galleryEncoders[i]!.dim,
      })),
      fromMembers: (given: Readonly<Record<string, Embeddings>>) =>
        combiner.combineGallery(names.map((name) => given[name] ?? missingMember(combiner.name, name))),
    }),
    ...(combiner.baselines && {
      baselines: async () =>
        (await combiner.baselines!()).map((baseline) => ({
          name: baseline.name,
          model: modelWith(baseline.combiner, embedders),
        })),
    }),
    async embed(images, role, options) {
      const query = role === 'query'
      const { positions, matrices } = await members(
        query ? combiner.queryEncoders : combiner.galleryEncoders,
        images,
        options,
      )
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
    {
      problem: `There are no embeddings of the member "${name}" of ${combiner}`,
      expected: 'embeddings of every gallery model',
      fix: 'Index the images again with all gallery models.',
    },
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
    return selectRows(
      embeddings,
      Array.from(kept, (position) => rowOf.get(position)!),
    )
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
