import { writeSync } from 'node:fs'
import { createEmbeddings, createRandom } from '@lookalike/core'
import { openGallery } from '../open-gallery.js'
import { memberVector, type Step, vectorOf } from './steps.js'

/** Changes a gallery at random, and says on stdout what it is about to do and, once that is acknowledged, that it is done. */
const [folder = '', seed = '0'] = process.argv.slice(2)
const random = createRandom(seed)
const say = (word: 'begin' | 'done', step: Step) => writeSync(1, `${JSON.stringify({ word, step })}\n`)

const gallery = await openGallery(folder, { space: 's', dim: 8, members: [{ name: 'm', space: 't', dim: 4 }] })
for (let i = 0; ; i++) {
  const ids = [...new Set(Array.from({ length: 1 + random.integer(6) }, () => `image-${random.integer(40)}`))]
  const choice = random.next()
  if (choice < 0.65) {
    const step: Step = { op: 'add', items: ids.map((id) => ({ id, hash: `${seed}-${i}-${id}` })) }
    say('begin', step)
    const matrix = (dim: number, space: string, of: (hash: string) => number[]) =>
      createEmbeddings({
        data: Float32Array.from(step.items.flatMap(({ hash }) => of(hash))),
        rows: ids.length,
        dim,
        space,
        role: 'gallery',
      })
    await gallery.add(step.items, {
      embeddings: matrix(8, 's', vectorOf),
      members: { m: matrix(4, 't', memberVector) },
    })
    say('done', step)
  } else if (choice < 0.8) {
    const step: Step = { op: 'remove', ids }
    say('begin', step)
    await gallery.remove(ids)
    say('done', step)
  } else if (choice < 0.95) {
    const there = await gallery.get(ids)
    const step: Step = { op: 'reject', ids: ids.filter((_, at) => there[at]) }
    say('begin', step)
    await gallery.update(step.ids.map((id) => ({ id, rejected: true })))
    say('done', step)
  } else {
    await gallery.compact()
  }
}
