import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { createRandom, galleryEntries } from '@lookalike/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundle } from '../../../../tests/helpers/bundle.js'
import { openGallery } from './open-gallery.js'
import { memberVector, type Step, vectorOf } from './test-process/steps.js'

const KILLS = 30
/** Lines that a writer prints at most before it is killed: two a step. What it does is counted, not timed, so that slow machines see the same. */
const LINES = 16

let folder = ''
let writer = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-crash-'))
  writer = await bundle(new URL('./test-process/writer.ts', import.meta.url), folder)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** What is known of an image: its hash and whether it is rejected, or that it is not there. */
type State = Map<string, string>
const idsOf = (step: Step) => (step.op === 'add' ? step.items.map(({ id }) => id) : step.ids)

function apply(state: State, step: Step): void {
  if (step.op === 'add') for (const { id, hash } of step.items) state.set(id, hash)
  else if (step.op === 'remove') for (const id of step.ids) state.delete(id)
  else
    for (const id of step.ids) if (state.has(id)) state.set(id, `${state.get(id)!.replace(/ rejected$/, '')} rejected`)
}

it(`keeps everything acknowledged when the writer is killed at ${KILLS} random moments`, async () => {
  const home = path.join(folder, 'gallery')
  const random = createRandom('crash')
  let acknowledged: State = new Map()
  let steps = 0
  let interrupted = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const child: ChildProcess = spawn(process.execPath, [writer, home, String(kill)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    let open: Step | undefined
    let left = 3 + random.integer(LINES)
    const lines = createInterface({ input: child.stdout! })
    const ended = once(lines, 'close')
    lines.on('line', (line) => {
      if (--left === 0) setTimeout(() => child.kill('SIGKILL'), random.next() * 5)
      const { word, step } = JSON.parse(line) as { word: 'begin' | 'done'; step: Step }
      if (word === 'begin') open = step
      else {
        apply(acknowledged, step)
        open = undefined
        steps++
      }
    })
    const [, signal] = (await exited) as [number | null, string | null]
    expect(signal, 'the writer ended by itself').toBe('SIGKILL')
    await ended
    if (open) interrupted++

    const gallery = await openGallery(home, { space: 's', dim: 8 })
    const found: State = new Map(
      (await galleryEntries(gallery)).map(({ id, hash, rejected }) => [id, rejected ? `${hash} rejected` : hash]),
    )
    // A step that was never acknowledged may have happened to any of its images, or not.
    const after = new Map(acknowledged)
    if (open) apply(after, open)
    const loose = new Set(open ? idsOf(open) : [])
    for (const id of new Set([...acknowledged.keys(), ...found.keys(), ...loose])) {
      const allowed = loose.has(id) ? [acknowledged.get(id), after.get(id)] : [acknowledged.get(id)]
      expect(allowed, `${id} after kill ${kill}`).toContain(found.get(id))
    }
    const ids = (await galleryEntries(gallery)).map(({ id }) => id)
    const hashes = (await galleryEntries(gallery)).map(({ hash }) => hash)
    expect([...(await gallery.vectors(ids)).data]).toEqual(hashes.flatMap(vectorOf))
    expect([...(await gallery.vectors(ids, 'm')).data]).toEqual(hashes.flatMap(memberVector))
    await gallery.verify()
    await gallery.close()
    acknowledged = found
  }
  expect(steps).toBeGreaterThan(KILLS)
  expect(interrupted).toBeGreaterThan(0)
})
