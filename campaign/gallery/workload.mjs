import { writeSync } from 'node:fs'
import { exactEngine, openGallery, usearchEngine } from '@lookalike/gallery'
import { addContents, DIM, matrixOf, SPACE, vectorOf } from '../lib/random.mjs'

/** A short life of a gallery in steps: what each does to its contents, and how. */
const three = (from, of) => Object.fromEntries([0, 1, 2].map((i) => [`id ${from + i}`, `${of} ${from + i}`]))
const without = (was, id) => Object.fromEntries(Object.entries(was).filter(([key]) => key !== id))
export const STEPS = [
  { after: (was) => ({ ...was, ...three(0, 'a') }), run: (g) => addContents(g, three(0, 'a')) },
  { after: (was) => ({ ...was, ...three(3, 'a') }), run: (g) => addContents(g, three(3, 'a')) },
  { after: (was) => ({ ...was, ...three(1, 'b') }), run: (g) => addContents(g, three(1, 'b')) },
  { after: (was) => without(was, 'id 4'), run: (g) => g.remove(['id 4']) },
  { after: (was) => was, run: (g) => g.update([{ id: 'id 0', uncertainty: 0.5 }]) },
  { after: (was) => was, run: (g) => g.search(matrixOf([vectorOf('q')], 'query'), 2), reopen: true },
  { after: (was) => ({ ...was, ...three(6, 'c') }), run: (g) => addContents(g, three(6, 'c')) },
  { after: (was) => was, run: (g) => g.compact() },
  { after: (was) => ({ ...was, ...three(9, 'd') }), run: (g) => addContents(g, three(9, 'd')), reopen: true },
  {
    after: (was) => was,
    run: (g) =>
      g.rewrite({
        space: SPACE,
        dim: DIM,
        transform: async ({ entries }) => ({ embeddings: matrixOf(entries.map(({ hash }) => vectorOf(hash))) }),
      }),
  },
  { after: (was) => without(was, 'id 0'), run: (g) => g.remove(['id 0', 'nobody']) },
  { after: (was) => ({ ...was, ...three(0, 'e') }), run: (g) => addContents(g, three(0, 'e')) },
]

export const open = (folder, engine, options = {}) =>
  openGallery(folder, {
    space: SPACE,
    dim: DIM,
    engine:
      engine === 'exact'
        ? exactEngine({ threads: 1 })
        : usearchEngine({ precision: 'fp32', mapped: engine === 'mapped' }),
    ...options,
  })

/** As a process of its own: says which steps were acknowledged and which failed. */
if (process.argv[1]?.endsWith('workload.mjs')) {
  const [folder, engine] = process.argv.slice(2)
  const say = (text) => writeSync(1, `${text}\n`)
  let gallery
  for (const [i, step] of STEPS.entries()) {
    try {
      gallery ??= await open(folder, engine)
      await step.run(gallery)
      say(`done ${i}`)
    } catch (error) {
      say(`${error.fields?.undone === false ? 'unknown' : 'failed'} ${i} ${error.code ?? `RAW ${error.stack}`}`)
    }
    if (!step.reopen) continue
    await gallery?.close().catch((error) => say(`closing ${error.code ?? `RAW ${error.stack}`}`))
    gallery = undefined
  }
  await gallery?.close().catch((error) => say(`closing ${error.code ?? `RAW ${error.stack}`}`))
  say('end')
}
