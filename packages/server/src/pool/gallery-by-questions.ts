import { createEmbeddings, type GalleryCodes } from '@lookalike/core'
import type { CandidateGallery, Identified } from '@lookalike/pipeline'
import type { GalleryAnswers, GalleryQuestion, SentList } from './messages.js'

export type AskGallery = <A extends GalleryQuestion['about']>(
  question: Extract<GalleryQuestion, { about: A }>,
) => Promise<GalleryAnswers[A]>

/** The gallery of a list in the process that reranks it: it is open in the parent, and asked there. */
export function galleryByQuestions({ space, dim }: SentList['gallery'], ask: AskGallery): CandidateGallery<Identified> {
  const identified = (id: string): Identified => ({ id })
  return {
    space,
    dim,
    async page({ after }) {
      const { ids, vectors: data, next } = await ask({ about: 'page', after })
      const embeddings = createEmbeddings({ data, rows: ids.length, dim, space, role: 'gallery' })
      return { entries: ids.map(identified), embeddings, next }
    },
    async search({ data, role }, k) {
      const found = await ask({ about: 'nearest', queries: data, role, k })
      return found.map(({ ids, distances }) => ids.map((id, i) => ({ entry: identified(id), distance: distances[i]! })))
    },
    codes(reranker, key) {
      const call =
        <K extends keyof GalleryCodes>(name: K) =>
        (given: Parameters<GalleryCodes[K]>[0]) =>
          ask({ about: 'codes', reranker, key, call: name, given } as Extract<GalleryQuestion, { about: 'codes' }>)
      return {
        get: call('get'),
        put: call('put'),
        missing: call('missing'),
        retain: call('retain'),
      } as GalleryCodes
    },
  }
}
