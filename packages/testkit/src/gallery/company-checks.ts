import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createEmbeddings, createRandom, type Gallery, type GalleryItem, galleryEntries, rowOf } from '@lookalike/core'
import { NOT_CLAIMED } from '../check.js'
import { largestDifference } from '../compare.js'
import { compareEntries, wantError } from './compare-gallery.js'
import type { GalleryCheck, GallerySubject } from './gallery-subject.js'
import { rowsOf, SPACE } from './sample-gallery.js'
import { CRASH_BATCH, crashVector } from './write-until-killed.js'

const KILLS = 4

/** Adds `rows` images whose first value says who added them. */
async function addAs(gallery: Gallery, { dim }: GallerySubject, who: number, ids: readonly string[]): Promise<void> {
  const data = ids.flatMap(() => [who, ...Array.from({ length: dim - 1 }, () => 0.5)])
  const items = ids.map((id): GalleryItem => ({ id, hash: `${who}`, metadata: { who } }))
  await gallery.add(items, {
    embeddings: createEmbeddings({ data, rows: ids.length, dim, space: SPACE, role: 'gallery' }),
  })
}

/** Whether each image is wholly of one writer. */
async function checkWhole(gallery: Gallery, ids: readonly string[], report: (message: string) => void): Promise<void> {
  const [entries, { data, dim }] = [await gallery.get(ids), await gallery.vectors(ids)]
  for (const [i, entry] of entries.entries()) {
    const who = data[i * dim]
    if (entry?.metadata?.['who'] !== who || entry?.hash !== `${who}`)
      return report(`an image has the vector of writer ${who} and the entry ${JSON.stringify(entry)}`)
  }
}

/** What holds with others beside one, and after a crash. */
export const companyChecks: readonly GalleryCheck[] = [
  {
    id: 'gallery/parallel',
    claim: 'takes changes at the same time',
    async run(subject, report) {
      const gallery = await subject.open(await subject.store())
      await Promise.all(Array.from({ length: 12 }, (_, i) => addAs(gallery, subject, i + 1, [`own-${i}`, 'common'])))
      const ids = (await galleryEntries(gallery)).map(({ id }) => id)
      if (new Set(ids).size !== 13 || ids.length !== 13) report(`12 additions of 13 images left ${ids.length}`)
      await checkWhole(gallery, ids, report)
    },
  },
  {
    id: 'gallery/writers',
    claim: 'lets in as many writers as it says',
    async run(subject, report) {
      const store = await subject.store()
      const first = await subject.open(store)
      if (first.capabilities.writers === 'one') {
        await wantError('a second writer', 'gallery/locked', () => subject.open(store), report)
        await first.close()
        await (await subject.open(store)).close()
        return
      }
      const second = await subject.open(store)
      const both = ['a', 'b', 'c']
      for (let round = 0; round < 5; round++)
        await Promise.all([
          addAs(first, subject, 1, [...both, `first-${round}`]),
          addAs(second, subject, 2, [...both.toReversed(), `second-${round}`]),
        ])
      await checkWhole(first, [...both, 'first-4', 'second-4'], report)
      const counts = [await first.count(), await second.count()]
      if (`${counts}` !== '13,13') report(`two writers of 13 images count ${counts.join(' and ')}`)
    },
  },
  {
    id: 'gallery/readers',
    claim: 'lets readers in beside a writer, who see its changes when they refresh',
    async run(subject, report) {
      const store = await subject.store()
      const writer = await subject.open(store)
      await addAs(writer, subject, 1, ['one'])
      const reader = await subject.open(store, { mode: 'read' })
      if (await reader.refresh()) report('refresh() says that something changed where nothing did')
      await addAs(writer, subject, 2, ['two'])
      await writer.remove(['one'])
      if (!(await reader.refresh())) report('refresh() says that nothing changed where something did')
      const ids = (await galleryEntries(reader)).map(({ id }) => id)
      if (`${ids}` !== 'two') report(`after refresh() a reader sees ${ids.join(', ')}; expected: two`)
      await writer.rewrite({
        space: 'testkit/new',
        dim: subject.dim,
        transform: async ({ embeddings }) => ({ embeddings: { ...embeddings, space: 'testkit/new' } }),
      })
      // It was opened for the old space: it goes on as it was, or says why it cannot.
      await wantError('refreshing a reader of the old space', 'gallery/space', () => reader.refresh(), report)
    },
  },
  {
    id: 'gallery/crash',
    claim: 'keeps everything acknowledged when a writer is killed',
    async run(subject, report) {
      if (!subject.startWriter) return NOT_CLAIMED
      const store = await subject.store()
      const random = createRandom('gallery crash')
      let next = 0
      for (let kill = 0; kill < KILLS; kill++) {
        const child = await subject.startWriter(store)
        const exited = once(child, 'exit')
        const lines = createInterface({ input: child.stdout! })
        let acknowledged = next
        lines.on('line', (line) => {
          if (line.startsWith('done ')) acknowledged = Number(line.slice(5)) + 1
        })
        const ended = once(lines, 'close')
        await Promise.race([once(lines, 'line'), exited])
        await new Promise((resolve) => setTimeout(resolve, random.next() * 150))
        child.kill('SIGKILL')
        await exited
        await ended
        const gallery = await subject.open(store)
        const entries = await galleryEntries(gallery)
        const batches = Math.max(0, ...entries.map(({ metadata }) => Number(metadata?.['batch']) + 1))
        if (batches < acknowledged) report(`${acknowledged} batches were acknowledged, ${batches} are there`)
        // The next one may be there too: whole, where that is claimed.
        if (batches > acknowledged + 1) report(`${batches} batches are there of ${acknowledged} and one that was begun`)
        const partial = entries.length - (batches - 1) * CRASH_BATCH
        if (
          entries.length > 0 &&
          partial !== CRASH_BATCH &&
          (gallery.capabilities.transactions || batches === acknowledged)
        )
          report(`the last batch is there in part: ${partial} of ${CRASH_BATCH} images`)
        const vectors = await gallery.vectors(entries.map(({ id }) => id))
        const wrong = entries.findIndex(
          ({ id }, row) => largestDifference(rowOf(vectors, row), crashVector(id, subject.dim)) > subject.tolerance,
        )
        if (wrong >= 0) report(`${entries[wrong]!.id} has another vector than was added`)
        await gallery.verify()
        await gallery.close()
        next = batches
      }
      if (next < KILLS) report(`the writers got ${next} batches done before they were killed: too few to tell`)
    },
  },
  {
    id: 'gallery/verify',
    claim: 'finds nothing wrong with what it wrote itself',
    async run({ filled, rows }, report) {
      const { gallery } = await filled()
      await gallery.prepare()
      await gallery.verify()
      await gallery.add([{ id: 'last', hash: 'h' }], { embeddings: rowsOf(rows, 0, 1) })
      await gallery.compact()
      await gallery.verify()
      await compareEntries(gallery, [...(await galleryEntries(gallery))], report)
      if ((await gallery.count()) !== 121) report('an image added after prepare() is not there')
    },
  },
]
