import { createEmbeddings } from '@lookalike/core'

/** Of the galleries that tests of databases make. */
export const SPACE = { space: 'test/space', dim: 3 }

/** What goes with as many items. */
export const vectors = (...rows: number[][]) => ({
  embeddings: createEmbeddings({
    data: rows.flat(),
    rows: rows.length,
    dim: rows[0]!.length,
    space: SPACE.space,
    role: 'gallery',
  }),
})

/** A rewrite into another space, as long again. */
export const doubledInto = (space: string, before: () => Promise<unknown> = async () => undefined) => ({
  space,
  dim: 3,
  transform: async ({ embeddings }: { embeddings: ReturnType<typeof createEmbeddings> }) => {
    await before()
    return { embeddings: { ...embeddings, space, data: embeddings.data.map((value) => value * 2) } }
  },
})
