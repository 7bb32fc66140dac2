import { setImmediate } from 'node:timers/promises'
import type { Embeddings, Gallery, GalleryEntry, GalleryHit, GallerySearchOptions, ImageRequest } from '@lookalike/core'
import { createEmbeddings } from '@lookalike/core'
import type { GalleryAnswers, GalleryQuestion, SentImage, SentList } from './messages.js'

/** Of a question, at a time: what they find is put together on the thread that answers everybody. */
const QUERIES = 128

/** What a search found, to be reranked in another process. */
export interface PoolList extends Pick<GallerySearchOptions, 'filter' | 'includeRejected'> {
  readonly gallery: Gallery
  /** Of the gallery: another one with every change. What rerankers learnt of all its images is used again until then. */
  readonly version: number
  /** One row. */
  readonly query: Embeddings
  readonly queryImage?: ImageRequest | undefined
  /** Nearest first, with their vectors. */
  readonly hits: readonly GalleryHit[]
  imageOf(entry: GalleryEntry): ImageRequest | undefined
}

/** URL objects do not travel. */
export function sentImage({ source, box }: ImageRequest, edge?: number): SentImage {
  return { source: source instanceof URL ? source.href : source, box, edge }
}

export function sentList(list: PoolList): SentList {
  const { gallery, version, filter, includeRejected, query, queryImage, hits } = list
  const { space, dim } = gallery
  const vectors = new Float32Array(hits.length * dim)
  for (const [row, { vector }] of hits.entries()) vectors.set(vector!, row * dim)
  return {
    gallery: { space, dim },
    version,
    filter,
    includeRejected,
    query: { data: query.data, role: query.role },
    queryImage: queryImage && sentImage(queryImage),
    ids: hits.map(({ entry }) => entry.id),
    images: hits.map(({ entry }) => {
      const image = list.imageOf(entry)
      return image && sentImage(image)
    }),
    distances: Float32Array.from(hits, ({ distance }) => distance),
    vectors,
  }
}

/** What the process that reranks a list wants to know of its gallery. */
export async function answerQuestion<Q extends GalleryQuestion>(
  { gallery, filter, includeRejected }: PoolList,
  asked: Q,
): Promise<GalleryAnswers[Q['about']]>
export async function answerQuestion(
  { gallery, filter, includeRejected }: PoolList,
  asked: GalleryQuestion,
): Promise<GalleryAnswers[GalleryQuestion['about']]> {
  const { space, dim } = gallery
  if (asked.about === 'page') {
    const rejected = includeRejected ? undefined : false
    const page = await gallery.page({ after: asked.after, filter, rejected, withVectors: true })
    return { ids: page.entries.map(({ id }) => id), vectors: page.embeddings!.data, next: page.next }
  }
  if (asked.about === 'nearest') {
    const { queries, role, k } = asked
    const nearest: GalleryAnswers['nearest'][number][] = []
    for (let at = 0; at < queries.length; at += QUERIES * dim) {
      const data = queries.slice(at, at + QUERIES * dim)
      const part = createEmbeddings({ data, rows: data.length / dim, dim, space, role })
      for (const hits of await gallery.search(part, k, { filter, includeRejected }))
        nearest.push({
          ids: hits.map(({ entry }) => entry.id),
          distances: Float32Array.from(hits, ({ distance }) => distance),
        })
      await setImmediate()
    }
    return nearest
  }
  const codes = gallery.codes(asked.reranker, asked.key)
  // Whatever is asked comes with what it is asked of.
  return (codes[asked.call] as (given: unknown) => Promise<unknown>)(asked.given)
}
