import path from 'node:path'
import type { Run } from '@lookalike/core'

/** A run inside another one: files in a folder of its own, log and checkpoints as a part of that name. */
export function innerRun(run: Run, name: string): Run {
  const inside = (file: string) => `${name}/${file}`
  return {
    ...run.part(name),
    folder: path.join(run.folder, name),
    seed: run.seed,
    data: run.data,
    part: (part) => run.part(`${name}-${part}`),
    write: (file, content) => run.write(inside(file), content),
    read: (file) => run.read(inside(file)),
    artefact: (called, file) => run.artefact(`${name}-${called}`, inside(file)),
    async card(facts) {
      // The outer trainer writes its own over it at the end.
      const card = await run.card(facts)
      await run.write(inside('card.json'), `${JSON.stringify(JSON.parse(card), null, 2)}\n`)
      return card
    },
  }
}
