import {
  createEmbeddings,
  type Embeddings,
  type Gallery,
  type ImageRequest,
  LookalikeError,
  type Warning,
} from '@lookalike/core'
import type { EncoderPool } from '../pool/create-encoder-pool.js'
import { queryVector } from './query-vector.js'
import type { Example, ServiceSearch } from './search-request.js'

interface QueryParts {
  readonly gallery: Gallery
  readonly pool: EncoderPool
  /** A picture as the pool may read it. */
  requestOf(example: Example): Promise<ImageRequest>
  /** The id that this gallery has for an image; undefined where its picture is to be embedded. */
  idOf(id: string): Promise<string | undefined>
}

type Query = Embeddings<'query' | 'any'>

/** What a gallery is searched by: vectors that it holds of its own images, and embedded pictures. */
export function createQueries({ gallery, pool, requestOf, idOf }: QueryParts) {
  return async (
    { vector, positives, negatives }: Pick<ServiceSearch, 'vector' | 'positives' | 'negatives'>,
    { signal }: { readonly signal?: AbortSignal | undefined },
    warnings: Warning[],
  ): Promise<Query> => {
    if (vector) {
      const { space, values } = vector
      if (space !== gallery.space || values.length !== gallery.dim) throw otherSpace(space, values.length, gallery)
      return createEmbeddings({ data: Float32Array.from(values), rows: 1, dim: gallery.dim, space, role: 'query' })
    }
    if (positives.length === 0 && negatives.length === 0) {
      throw new LookalikeError('serve/no-query', {
        problem: 'The search says nothing to search by',
        expected: 'positives, negatives or a vector; or a part "image" of a multipart request',
      })
    }
    const vectorOf = async (example: Example): Promise<Embeddings> => {
      const own = example.id === undefined || example.box ? undefined : await idOf(example.id)
      if (own !== undefined) return gallery.vectors([own])
      const embedded = await pool.embed(await requestOf(example), 'query', { signal })
      warnings.push(...embedded.warnings)
      return embedded.embeddings
    }
    const all = await Promise.all([...positives, ...negatives].map(vectorOf))
    return queryVector(all.slice(0, positives.length), all.slice(positives.length))
  }
}

const otherSpace = (space: string, length: number, gallery: { readonly space: string; readonly dim: number }) =>
  new LookalikeError(
    'embeddings/space',
    {
      problem: `The vector has ${length} values of the space ${space}`,
      expected: `${gallery.dim} of ${gallery.space}`,
      fix: 'Embed with the model of the gallery: POST /api/v1/embeddings does.',
    },
    { fields: { given: space, wanted: gallery.space } },
  )
