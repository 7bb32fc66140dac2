import { createEmbeddings, createRanking, selectRows } from '@lookalike/core'

/** Queries whose time is taken. */
const TIMED = 200

/**
 * Searches the test split once and gives every reranker the same lists of at most 100; disposes of them. Gives `onRow` CMC@1, CMC@5, MAP@5 and milliseconds a query
 * of each as soon as they are known.
 *
 * @param rerankers by name
 * @param wanted rerank only every so many queries that so many are left; 0: all. The gallery stays whole.
 */
export async function measureRerankers(pipeline, rerankers, wanted, onRow) {
  const { items } = await pipeline.dataset()
  const test = items.filter(({ split }) => split === 'test')
  const { embeddings, positions } = await pipeline.embed(
    test.map(({ source }) => ({ source })),
    'gallery',
  )
  const known = Array.from(positions, (position) => test[position])
  const side = (member) => {
    const rows = known.flatMap((item, row) => (member(item) ? [row] : []))
    return { items: rows.map((row) => known[row]), embeddings: selectRows(embeddings, rows) }
  }
  const gallery = side(({ isGallery }) => isGallery)
  let queries = side(({ isQuery }) => isQuery)
  const share = wanted === 0 ? 1 : Math.min(1, wanted / queries.items.length)
  const chosen = queries.items.map((_, i) => i).filter((i) => Math.floor(i * share) !== Math.floor((i - 1) * share))
  queries = { items: chosen.map((i) => queries.items[i]), embeddings: selectRows(queries.embeddings, chosen) }

  const index = await (await pipeline.engine()).open({ dim: embeddings.dim, space: embeddings.space })
  await index.add(gallery.embeddings)
  const view = { embeddings: gallery.embeddings, nearest: (rows, k) => index.search(rows, k) }
  const began = performance.now()
  const lists = (await index.search(queries.embeddings, 101)).map(({ positions: found, distances }, row) => {
    const kept = Array.from(found, (_, i) => i)
      .filter((i) => gallery.items[found[i]].id !== queries.items[row].id)
      .slice(0, 100)
    return createRanking(
      Int32Array.from(kept, (i) => found[i]),
      Float32Array.from(kept, (i) => distances[i]),
    )
  })
  const report = (name, rankings, milliseconds) => {
    let right = 0
    let among = 0
    let precision = 0
    let answered = 0
    const sizes = new Map()
    for (const { label } of gallery.items) sizes.set(label, (sizes.get(label) ?? 0) + 1)
    for (const [row, { positions: found }] of rankings.entries()) {
      const { label, isGallery } = queries.items[row]
      const relevant = (sizes.get(label) ?? 0) - (isGallery ? 1 : 0)
      if (relevant === 0) continue
      answered++
      let hits = 0
      for (let i = 0; i < Math.min(5, found.length); i++) {
        if (gallery.items[found[i]].label !== label) continue
        if (i === 0) right++
        precision += ++hits / (i + 1) / Math.min(5, relevant)
      }
      if (hits > 0) among++
    }
    return {
      reranker: name,
      'CMC@1': +((100 * right) / answered).toFixed(2),
      'CMC@5': +((100 * among) / answered).toFixed(2),
      'MAP@5': +((100 * precision) / answered).toFixed(2),
      'ms/query': +milliseconds.toFixed(2),
      queries: answered,
    }
  }
  await onRow(report('stage 1', lists, (performance.now() - began) / lists.length))
  const image = ({ source }) => ({ source })
  const nothing = createEmbeddings({
    data: new Float32Array(0),
    rows: 0,
    dim: embeddings.dim,
    space: embeddings.space,
    role: 'any',
  })
  for (const [name, reranker] of Object.entries(rerankers)) {
    await reranker.prepare?.(view)
    const run = async (count) => {
      const done = []
      for (const [row, ranking] of lists.slice(0, count).entries()) {
        const top = ranking.positions.subarray(0, reranker.topN)
        const images = reranker.needs === 'images'
        const request = {
          ranking,
          query: selectRows(queries.embeddings, [row]),
          candidates: images ? nothing : selectRows(gallery.embeddings, top),
          ...(images && {
            queryImage: image(queries.items[row]),
            candidateImages: Array.from(top, (position) => image(gallery.items[position])),
          }),
        }
        done.push((await reranker.rerank(request)).ranking)
      }
      return done
    }
    const rankings = await run(lists.length)
    // Candidates' tokens are made once for a gallery: what is timed is a query on a gallery that has them.
    const timed = Math.min(TIMED, lists.length)
    const started = performance.now()
    await run(timed)
    await onRow(report(name, rankings, (performance.now() - started) / timed))
    await reranker.dispose()
  }
  await index.dispose()
}
