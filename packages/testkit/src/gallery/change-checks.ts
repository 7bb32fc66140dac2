import { type GalleryItem, rowOf } from '@lookalike/core'
import { largestDifference } from '../compare.js'
import { checkAbort } from '../rejects.js'
import { compareEntries, compareHits, wantError } from './compare-gallery.js'
import type { GalleryCheck } from './gallery-subject.js'
import { idOf, MEMBER, mapped, mappedRows, ROWS, rowsOf, SPACE, sampleItems, sampleRows } from './sample-gallery.js'

const bytes = (...values: number[]) => Uint8Array.from(values)

/** What changes a gallery. */
export const changeChecks: readonly GalleryCheck[] = [
  {
    id: 'gallery/replace',
    claim: 'replaces an image of the same id, whole',
    async run({ filled, rows, dim, tolerance, recall }, report) {
      const { gallery } = await filled()
      const fresh = sampleRows(dim, 3, 'replaced')
      const replaced: GalleryItem[] = [2, 50, 119].map((i) => ({
        id: idOf(i),
        hash: `new-${i}`,
        metadata: { colour: 'new' },
      }))
      const lent = { ...fresh, data: fresh.data.slice() }
      await gallery.add(replaced, { embeddings: lent })
      lent.data.fill(0)
      const now = sampleItems.map((item) => replaced.find(({ id }) => id === item.id) ?? item)
      await compareEntries(gallery, now, report)
      const vectorOf = (i: number) => {
        const at = replaced.findIndex(({ id }) => id === now[i]!.id)
        return at < 0 ? rowOf(rows, i) : rowOf(fresh, at)
      }
      const [hits] = await gallery.search(rowsOf(fresh, 1, 2), 5)
      compareHits(hits!, rowOf(fresh, 1), 5, { items: now, vectorOf }, { recall, tolerance }, report)
    },
  },
  {
    id: 'gallery/update',
    claim: 'changes what is given and keeps the rest',
    async run({ filled, rows, tolerance }, report) {
      const { gallery } = await filled()
      await gallery.update([
        { id: idOf(9), rejected: false, uncertainty: 2.5 },
        { id: idOf(3), metadata: { only: true }, source: 'http://host/3.jpg' },
        { id: idOf(4), rejected: true },
      ])
      const now = sampleItems.map((item, i): GalleryItem => {
        if (i === 9) return { ...item, rejected: false, uncertainty: 2.5 }
        if (i === 3) return { ...item, metadata: { only: true }, source: 'http://host/3.jpg' }
        return i === 4 ? { ...item, rejected: true } : item
      })
      await compareEntries(gallery, now, report)
      const partly = () =>
        gallery.update([
          { id: idOf(5), rejected: true },
          { id: 'nobody', rejected: true },
        ])
      await wantError('a change of nobody', 'gallery/unknown-id', partly, report)
      await compareEntries(gallery, now, (message) => report(`after a refused change, ${message}`))
      const { data } = await gallery.vectors([idOf(3)])
      if (largestDifference(data, rowOf(rows, 3)) > tolerance) report('a change of metadata changed the vector')
    },
  },
  {
    id: 'gallery/remove',
    claim: 'removes images, and says how many were there',
    async run({ filled, open, rows, queries, tolerance, recall }, report) {
      const { store, gallery } = await filled()
      const gone = [0, 8, 64]
      const count = await gallery.remove([...gone.map(idOf), 'nobody', idOf(8)])
      if (count !== gone.length) report(`remove() says ${count}; expected: ${gone.length}`)
      if ((await gallery.remove([idOf(0)])) !== 0) report('an image was removed twice')
      const left = sampleItems.filter((_, i) => !gone.includes(i))
      await compareEntries(gallery, left, report)
      await gallery.compact()
      await compareEntries(gallery, left, (message) => report(`compacted, ${message}`))
      const vectorOf = (i: number) => rowOf(rows, Number(left[i]!.hash.slice('hash-'.length)))
      const [hits] = await gallery.search(rowsOf(queries, 0, 1), 10)
      compareHits(hits!, rowOf(queries, 0), 10, { items: left, vectorOf }, { recall, tolerance }, report)
      await gallery.close()
      const again = await open(store)
      await compareEntries(again, left, (message) => report(`opened again, ${message}`))
      await again.verify()
    },
  },
  {
    id: 'gallery/bad-input',
    claim: 'refuses what does not fit, and stays as it was',
    async run({ filled, rows, dim }, report) {
      const { gallery } = await filled()
      const one = rowsOf(rows, 0, 1)
      const item: GalleryItem = { id: 'new', hash: 'h' }
      const add = (items: readonly GalleryItem[], embeddings: unknown) => () =>
        gallery.add(items, { embeddings: embeddings as typeof one })
      const attempts: readonly (readonly [string, string, () => unknown])[] = [
        ['vectors of another space', 'embeddings/space', add([item], { ...one, space: 'testkit/other' })],
        ['vectors of another length', 'embeddings/dim', add([item], sampleRows(dim + 1, 1))],
        ['query vectors', 'embeddings/role', add([item], { ...one, role: 'query' })],
        [
          'a vector that is not finite',
          'embeddings/not-finite',
          add([item], { ...one, data: new Float32Array(dim).fill(NaN) }),
        ],
        ['two rows for one image', 'gallery/shape', add([item], rowsOf(rows, 0, 2))],
        ['an empty id', 'gallery/item', add([{ ...item, id: '' }], one)],
        ['an id twice', 'gallery/item', add([item, item], rowsOf(rows, 0, 2))],
        ['metadata in metadata', 'gallery/item', add([{ ...item, metadata: { a: { b: 1 } } as never }], one)],
        ['a text for a list of ids', 'gallery/item', () => gallery.remove('new' as never)],
        ['a text for ids to look up', 'gallery/item', () => gallery.get('new' as never)],
        ['nothing for ids of vectors', 'gallery/item', () => gallery.vectors(null as never)],
        ['numbers for embeddings', 'embeddings/type', add([item], rowOf(rows, 0))],
        ['nothing for queries', 'embeddings/type', () => gallery.search(null as never, 1)],
      ]
      for (const [what, code, attempt] of attempts) await wantError(what, code, attempt, report)
      await checkAbort((signal) => gallery.add([item], { embeddings: one }, { signal }), report)
      await compareEntries(gallery, sampleItems, (message) => report(`after all that, ${message}`))
      await gallery.add([], { embeddings: rowsOf(rows, 0, 0) })
      await gallery.update([])
      if ((await gallery.remove([])) !== 0) report('removing nothing removed something')
    },
  },
  {
    id: 'gallery/members',
    claim: 'keeps the vectors of members, and refuses others',
    async run({ filledWithMember, open, rows, members, tolerance }, report) {
      const { store, gallery } = await filledWithMember()
      await gallery.close()
      const again = await open(store, { members: [MEMBER] })
      const { data, space } = await again.vectors([idOf(5), idOf(1)], MEMBER.name)
      const wanted = [...rowOf(members, 5), ...rowOf(members, 1)]
      if (space !== MEMBER.space || largestDifference(data, wanted) > tolerance)
        report('the vectors of a member are not those that were added')
      const page = await again.page({ limit: 3, withMembers: true })
      const first = sampleItems.findIndex(({ id }) => id === page.entries[0]?.id)
      const paged = page.members?.[MEMBER.name]
      if (!paged || largestDifference(rowOf(paged, 0), rowOf(members, first)) > tolerance)
        report('a page with members gives other vectors than were added')
      const item = [{ id: 'new', hash: 'h' }]
      const one = { embeddings: rowsOf(rows, 0, 1) }
      await wantError('an image without its member', 'gallery/shape', () => again.add(item, one), report)
      await again.close()
      await wantError('other members', 'gallery/space', () => open(store, { members: [] }), report)
      await wantError('another space', 'gallery/space', () => open(store, { space: 'testkit/other' }), report)
      await wantError('another length', 'gallery/space', () => open(store, { dim: 5 }), report)
    },
  },
  {
    id: 'gallery/rewrite',
    claim: 'makes all vectors anew and switches in one step',
    async run({ filledWithMember, open, dim, members, queries, tolerance }, report) {
      const { store, gallery } = await filledWithMember()
      const failing = () =>
        gallery.rewrite({ space: 'testkit/new', dim: 6, transform: () => Promise.reject(new Error('no transform')) })
      await failing().then(
        () => report('a rewrite that failed was no error'),
        () => {},
      )
      if (gallery.space !== SPACE) report('after a rewrite that failed, the gallery is of another space')
      let during = 0
      await gallery.rewrite({
        space: 'testkit/new',
        dim: 6,
        async transform(block) {
          during = (await gallery.search(queries, 3))[0]!.length
          const kept = block.members[MEMBER.name]
          if (kept?.rows !== block.entries.length || block.embeddings.rows !== block.entries.length)
            report('a block has other numbers of entries, vectors and members')
          return {
            embeddings: mappedRows(kept!, 'testkit/new', 6),
            uncertainty: block.entries.map(({ hash }) => Number(hash.slice('hash-'.length)) / 1000),
          }
        },
      })
      if (during !== 3) report(`during the rewrite, a search found ${during} of 3 images`)
      if (gallery.space !== 'testkit/new' || gallery.dim !== 6)
        report(`after the rewrite the gallery is of ${gallery.space}, ${gallery.dim} values`)
      await gallery.close()
      await wantError('the old space', 'gallery/space', () => open(store, { dim }), report)
      const again = await open(store, { space: 'testkit/new', dim: 6, members: [MEMBER] })
      await compareEntries(
        again,
        sampleItems.map((item, i) => ({ ...item, uncertainty: i / 1000 })),
        report,
      )
      const { data } = await again.vectors([idOf(11)])
      if (largestDifference(data, mapped(rowOf(members, 11), 6)) > tolerance * 10)
        report('after the rewrite, the vectors are not those that the transform gave')
      const kept = await again.vectors([idOf(11)], MEMBER.name)
      if (largestDifference(kept.data, rowOf(members, 11)) > tolerance) report('the rewrite changed a member')
    },
  },
  {
    id: 'gallery/codes',
    claim: "keeps rerankers' codes of images",
    async run({ filled, open }, report) {
      const { store, gallery } = await filled()
      const codes = gallery.codes('testkit', 'model-1')
      const large = new Uint8Array(70_000).map((_, i) => i % 251)
      const hashes = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string]
      await codes.put([
        { hash: hashes[0], code: bytes(0, 255, 10, 39) },
        { hash: hashes[1], code: large },
      ])
      await codes.put([{ hash: hashes[0], code: bytes(1, 0, 2) }])
      const other = gallery.codes('testkit', 'model-2')
      if ((await other.get([hashes[0]]))[0] !== undefined) report('codes of one key are seen under another')
      await other.put([{ hash: hashes[0], code: bytes(9) }])
      await gallery.close()
      const again = (await open(store)).codes('testkit', 'model-1')
      const found = await again.get([hashes[1], hashes[2], hashes[0]])
      if (
        largestDifference(found[0] ?? [], large) !== 0 ||
        found[1] !== undefined ||
        `${[...(found[2] ?? [])]}` !== '1,0,2'
      )
        report('codes are not what was put, one a hash')
      const missing = await again.missing([hashes[2], hashes[0]])
      if (`${missing}` !== hashes[2]) report(`missing() gives ${missing.length} hashes; expected: 1`)
      const went = await again.retain(new Set([hashes[0]]))
      if (went !== 1 || (await again.missing(hashes)).length !== 2)
        report(`retain() took ${went} codes away; expected: 1`)
    },
  },
  {
    id: 'gallery/closed',
    claim: 'refuses work after it was closed, and changes when opened for reading',
    async run({ filled, open, queries, rows }, report) {
      const { store, gallery } = await filled()
      await gallery.close()
      await gallery.close()
      await wantError('a search after close()', 'gallery/closed', () => gallery.search(queries, 1), report)
      await wantError('a change after close()', 'gallery/closed', () => gallery.remove([idOf(0)]), report)
      const reader = await open(store, { mode: 'read' })
      const one = { embeddings: rowsOf(rows, 0, 1) }
      await wantError(
        'adding by a reader',
        'gallery/read-only',
        () => reader.add([{ id: 'x', hash: 'h' }], one),
        report,
      )
      await wantError('removing by a reader', 'gallery/read-only', () => reader.remove([idOf(0)]), report)
      if ((await reader.count()) !== ROWS) report('a reader changed something')
    },
  },
]
