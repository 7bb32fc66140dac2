import { type Combiner, createEmbeddings, type Embeddings, type Encoder } from '@lookalike/core'
import { checkMembers } from './check-members.js'

/**
 * A combiner of a merged ensemble: its network makes the combined vectors itself, one output for gallery images and one for queries.
 *
 * @param open an encoder that reads an output of the file, as it is
 */
export async function createMergedCombiner(open: (output: 'query' | 'gallery') => Promise<Encoder>): Promise<Combiner> {
  const gallery = await open('gallery')
  const query = await open('query').catch(async (error: unknown) => {
    await gallery.dispose()
    throw error
  })
  // Galleries hold what the gallery's half makes; other weights of a query leave them as they are.
  const { dim, space } = gallery
  const only = (members: readonly Embeddings[], encoder: Encoder) => {
    checkMembers(members, [encoder])
    return members[0]!
  }
  return {
    specVersion: 'v1',
    name: 'context-ensemble',
    queryEncoders: [query],
    galleryEncoders: [gallery],
    dim,
    space,
    combineQuery: async (members) => ({
      embeddings: createEmbeddings({ ...only(members, query), dim, space, role: 'query' }),
    }),
    combineGallery: async (members) => ({
      embeddings: createEmbeddings({ ...only(members, gallery), dim, space, role: 'gallery' }),
    }),
    async dispose() {
      await gallery.dispose()
      await query.dispose()
    },
  }
}
