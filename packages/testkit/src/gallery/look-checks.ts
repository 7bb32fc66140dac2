import {
  type Filter,
  galleryEntries,
  galleryPages,
  isLookalikeError,
  matchesFilter,
  parseFilter,
  rowOf,
} from '@lookalike/core'
import { largestDifference } from '../compare.js'
import { checkCommon } from '../contract.js'
import { checkAbort } from '../rejects.js'
import { sampleVectors } from '../vectors.js'
import { compareEntries, compareHits, wantError } from './compare-gallery.js'
import type { GalleryCheck } from './gallery-subject.js'
import { idOf, ROWS, SPACE, sampleFilters, sampleItems } from './sample-gallery.js'

const K = 10

/** What a gallery says and finds, without changing it. */
export const lookChecks: readonly GalleryCheck[] = [
  {
    id: 'gallery/contract',
    claim: 'says what it is, before and after there is a gallery',
    async run({ store, open, dim }, report) {
      const place = await store()
      checkCommon(place, report)
      if ((await place.describe()) !== undefined) report('it describes a gallery where there is none')
      await wantError('opening nothing for reading', 'gallery/not-found', () => open(place, { mode: 'read' }), report)
      const whatever = { space: undefined, dim: undefined }
      await wantError('opening nothing for whatever it holds', 'gallery/not-found', () => open(place, whatever), report)
      const gallery = await open(place)
      const described = await place.describe()
      for (const [what, held] of Object.entries({ 'the gallery': gallery, 'describe()': described })) {
        if (held?.space !== SPACE || held.dim !== dim || held.members.length !== 0)
          report(
            `${what} says ${JSON.stringify(held && [held.space, held.dim, held.members])}; expected: ${SPACE}, ${dim}, no members`,
          )
      }
      if (gallery.name !== place.name) report(`the gallery is called "${gallery.name}", its store "${place.name}"`)
      const { approximate, filters, writers, transactions } = gallery.capabilities
      if (typeof approximate !== 'boolean' || typeof transactions !== 'boolean')
        report('capabilities.approximate and capabilities.transactions are true or false')
      if (filters !== 'before' && filters !== 'after') report(`capabilities.filters is ${JSON.stringify(filters)}`)
      if (writers !== 'one' && writers !== 'many') report(`capabilities.writers is ${JSON.stringify(writers)}`)
      const queries = sampleVectors('empty', 2, dim, SPACE, 'query')
      const found = await gallery.search(queries, K)
      if (found.length !== 2 || found.some((hits) => hits.length > 0)) report('empty, it found something')
      if ((await gallery.count()) !== 0) report('empty, it counts something')
      await gallery.close()
      const held = await open(place, { mode: 'read', ...whatever })
      if (held.space !== SPACE || held.dim !== dim) report('opened for whatever it holds, it does not say what that is')
    },
  },
  {
    id: 'gallery/contents',
    claim: 'keeps images as they were given, also when opened again',
    async run({ filled, open }, report) {
      const { store, gallery } = await filled()
      await compareEntries(gallery, sampleItems, report)
      await gallery.close()
      const again = await open(store, { mode: 'read' })
      await compareEntries(again, sampleItems, (message) => report(`opened again, ${message}`))
      const unknown = await again.get(['nobody', idOf(3), 'CASE'])
      if (unknown[0] !== undefined || unknown[1]?.id !== idOf(3) || unknown[2] !== undefined)
        report('get() does not give undefined for ids that are not there, one an id')
    },
  },
  {
    id: 'gallery/vectors',
    claim: 'gives the vectors back',
    async run({ shared, rows, tolerance }, report) {
      const gallery = await shared()
      const some = [7, 0, 110, 7]
      const { data, space, role } = await gallery.vectors(some.map(idOf))
      if (space !== SPACE || role !== 'gallery') report(`vectors() are of ${space} for the role ${role}`)
      const wanted = some.flatMap((i) => [...rowOf(rows, i)])
      if (largestDifference(data, wanted) > tolerance) report('vectors() gives other vectors than were added')
      await wantError('vectors of no image', 'gallery/unknown-id', () => gallery.vectors([idOf(1), 'nobody']), report)
      await wantError('vectors of no member', 'gallery/member', () => gallery.vectors([idOf(1)], 'nobody'), report)
    },
  },
  {
    id: 'gallery/pages',
    claim: 'can be paged through, each image once',
    async run({ shared, rows, tolerance }, report) {
      const gallery = await shared()
      const seen = new Map<string, Float32Array>()
      let pages = 0
      for await (const { entries, embeddings } of galleryPages(gallery, { limit: 7, withVectors: true })) {
        pages++
        if (entries.length > 7) report(`a page of at most 7 has ${entries.length}`)
        if (embeddings?.rows !== entries.length) report('a page with vectors has another number of them than entries')
        else entries.forEach(({ id }, row) => seen.set(id, rowOf(embeddings, row)))
      }
      if (seen.size !== ROWS || pages < ROWS / 7)
        report(`${pages} pages of 7 hold ${seen.size} images; expected: ${ROWS}`)
      for (let i = 0; i < ROWS; i++)
        if (largestDifference(seen.get(idOf(i)) ?? [], rowOf(rows, i)) > tolerance) {
          report(`the page gives another vector for ${JSON.stringify(idOf(i))}`)
          break
        }
      await wantError('a page that begins nowhere', 'gallery/page', () => gallery.page({ after: 'nowhere' }), report)
      for (const rejected of [true, false]) {
        const wanted = sampleItems.filter((item) => (item.rejected ?? false) === rejected).length
        const found = (await galleryEntries(gallery, { rejected })).length
        const count = await gallery.count({ rejected })
        if (found !== wanted || count !== wanted)
          report(`with rejected: ${rejected}, pages hold ${found} and count() is ${count}; expected: ${wanted}`)
      }
    },
  },
  {
    id: 'gallery/sources',
    claim: 'knows images by their source',
    async run({ shared }, report) {
      const found = await (await shared()).findSources(['photos/1.jpg', 'photos/2.jpg', 'photos/11.jpg'])
      const ids = found.map(({ id }) => id).sort()
      if (`${ids}` !== `${[idOf(1), idOf(11)].sort()}`) report(`findSources found ${ids.join(', ') || 'nothing'}`)
    },
  },
  {
    id: 'gallery/search',
    claim: 'finds the nearest images, and no rejected ones unless asked',
    async run({ shared, queries, rows, recall, tolerance }, report) {
      const gallery = await shared()
      for (const more of [{}, { includeRejected: true }, { threshold: 0.8 }]) {
        for (const k of [K, ROWS * 2]) {
          const found = await gallery.search(queries, k, { ...more, withVectors: true })
          if (found.length !== queries.rows) return report(`${queries.rows} queries gave ${found.length} lists`)
          for (const [row, hits] of found.entries()) {
            const exactCount = !gallery.capabilities.approximate
            const wanted = { items: sampleItems, vectorOf: (i: number) => rowOf(rows, i), ...more }
            compareHits(hits, rowOf(queries, row), k, wanted, { recall, tolerance, exactCount }, (message) =>
              report(`with ${JSON.stringify({ k, ...more })}, ${message}`),
            )
            const wrong = hits.find(({ entry, vector }) => {
              const i = sampleItems.findIndex(({ id }) => id === entry.id)
              return largestDifference(vector ?? [], rowOf(rows, i)) > tolerance
            })
            if (wrong) return report(`the hit ${JSON.stringify(wrong.entry.id)} has another vector than was added`)
          }
        }
      }
    },
  },
  {
    id: 'gallery/filters',
    claim: 'searches, counts and pages by metadata',
    async run({ shared, queries, rows, recall, tolerance }, report) {
      const gallery = await shared()
      for (const [what, filter] of Object.entries(sampleFilters)) {
        const node = parseFilter(filter)
        const wanted = sampleItems.filter(({ metadata }) => matchesFilter(metadata, node)).map(({ id }) => id)
        const count = await gallery.count({ filter })
        if (count !== wanted.length) report(`filtered by ${what}, count() is ${count}; expected: ${wanted.length}`)
        const paged = (await galleryEntries(gallery, { filter, limit: 30 })).map(({ id }) => id)
        if (`${paged.sort()}` !== `${wanted.sort()}`)
          report(`filtered by ${what}, pages hold ${paged.length} images; expected: ${wanted.length}`)
        const hits = await gallery.search(queries, K, { filter })
        for (let row = 0; row < queries.rows; row++) {
          const claim = { recall, tolerance, exactCount: gallery.capabilities.filters === 'before' }
          const all = { items: sampleItems, vectorOf: (i: number) => rowOf(rows, i), filter }
          compareHits(hits[row]!, rowOf(queries, row), K, all, claim, (message) =>
            report(`filtered by ${what}, ${message}`),
          )
        }
      }
    },
  },
  {
    id: 'gallery/unknown-key',
    claim: 'says which keys there are where a filter asks for another',
    async run({ shared, queries }, report) {
      const gallery = await shared()
      const filters: Filter[] = [{ color: 'red' }, { $or: [{ colour: 'red' }, { color: { exists: true } }] }]
      for (const filter of filters)
        for (const work of [
          () => gallery.search(queries, 1, { filter }),
          () => gallery.count({ filter }),
          () => gallery.page({ filter }),
        ]) {
          const error = await wantError(`the filter ${JSON.stringify(filter)}`, 'gallery/unknown-key', work, report)
          const keys = isLookalikeError(error) ? error.fields['keys'] : undefined
          if (
            isLookalikeError(error, 'gallery/unknown-key') &&
            !(Array.isArray(keys) && keys.includes('colour') && keys.includes('rare'))
          )
            report('the error does not name the keys that there are: unknownKey of @lookalike/core does')
        }
      const broken = { colour: { like: 'red' } } as unknown as Filter
      await wantError(
        'what is no filter',
        'gallery/filter',
        () => gallery.search(queries, 1, { filter: broken }),
        report,
      )
    },
  },
  {
    id: 'gallery/queries',
    claim: 'refuses queries of another space, length or role, and no results',
    async run({ shared, queries, dim }, report) {
      const gallery = await shared()
      await wantError('k = 0', 'index/k', () => gallery.search(queries, 0), report)
      const other = { ...queries, space: 'testkit/other' }
      await wantError('another space', 'embeddings/space', () => gallery.search(other, 1), report)
      const longer = sampleVectors('longer', 1, dim + 1, SPACE, 'any')
      await wantError('another length', 'embeddings/dim', () => gallery.search(longer, 1), report)
      const role = { ...queries, role: 'gallery' as const }
      await wantError('gallery vectors as queries', 'embeddings/role', () => gallery.search(role, 1), report)
      await checkAbort((signal) => gallery.search(queries, 1, { signal }), report)
    },
  },
]
