// A reranker that turns lists round and says what it saw. A query that begins with 255 hangs for ever, one with 254 fails.
const options = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value) => ({ value }),
    jsonSchema: { input: () => ({ type: 'object' }), output: () => ({ type: 'object' }) },
  },
}

export default {
  specVersion: 'v1',
  kind: 'reranker',
  name: 'asking',
  description: 'For tests.',
  options,
  create: ({ fail } = {}) => {
    if (fail) throw new Error('it cannot be made')
    let prepared = 0
    let nearest
    let code
    let rows
    return {
      specVersion: 'v1',
      name: 'asking',
      needs: 'images',
      topN: 3,
      wholeGallery: true,
      async prepare(view) {
        prepared++
        rows = view.embeddings.rows
        ;[nearest] = await view.nearest({ ...view.embeddings, role: 'any' }, 2)
        const codes = view.codes('asking', 'key')
        const hash = 'ab'.repeat(32)
        await codes.put([{ hash, code: Uint8Array.of(prepared) }])
        ;[code] = await codes.get([hash])
      },
      async rerank({ ranking, query, queryImage, candidates, candidateImages }) {
        if (query.data[0] === 255) for (;;);
        if (query.data[0] === 254) throw new Error('it fails')
        const fields = {
          pid: process.pid,
          prepared,
          rows,
          nearest: [...nearest.positions],
          code: [...code],
          queryImage: queryImage.source,
          candidates: [...candidates.data],
          images: candidateImages.map((image) => image?.source),
        }
        const positions = ranking.positions.toReversed()
        return { ranking: { ...ranking, positions }, warnings: [{ code: 'test/saw', message: '', fields }] }
      },
      dispose: async () => undefined,
    }
  },
}
