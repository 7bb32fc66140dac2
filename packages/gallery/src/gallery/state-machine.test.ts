import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createEmbeddings, createRandom, type Gallery, galleryEntries } from '@lookalike/core'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { usearchEngine } from '../usearch/usearch-index.js'
import { openGallery } from './open-gallery.js'

/** The suite tries a few; a campaign sets more. */
const RUNS = Number(process.env['LOOKALIKE_RUNS'] ?? 12)
const DIM = 6

let home: string
beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'lookalike-states-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

interface State {
  readonly content: number
  readonly rejected: boolean
  readonly uncertainty: number | undefined
}
/** What should be there, by id, and what the reader last saw of it. */
interface Model {
  now: ReadonlyMap<string, State>
  seen: ReadonlyMap<string, State>
}
interface Real {
  writer: Gallery
  reader: Gallery
  open(mode: 'read' | 'write'): Promise<Gallery>
}

function vectorOf(content: number): Float32Array {
  const random = createRandom(content)
  const vector = Float32Array.from({ length: DIM }, () => random.normal())
  const norm = Math.hypot(...vector)
  return vector.map((value) => value / norm)
}
const matrix = (vectors: readonly Float32Array[], role: 'query' | 'gallery') =>
  createEmbeddings({
    data: Float32Array.from(vectors.flatMap((vector) => [...vector])),
    rows: vectors.length,
    dim: DIM,
    space: 's',
    role,
  })

/** Entries, vectors and the nearest by brute force. */
async function expectSame(gallery: Gallery, wanted: ReadonlyMap<string, State>, query: number): Promise<void> {
  const entries = await galleryEntries(gallery)
  expect(
    new Map(
      entries.map(({ id, hash, rejected, uncertainty }) => [id, { content: Number(hash), rejected, uncertainty }]),
    ),
  ).toEqual(new Map(wanted))
  if (entries.length === 0) return
  const { data } = await gallery.vectors(entries.map(({ id }) => id))
  expect([...data]).toEqual(entries.flatMap(({ hash }) => [...vectorOf(Number(hash))]))
  const asked = vectorOf(1000 + query)
  const distances = entries
    .filter(({ rejected }) => !rejected)
    .map(({ hash }) => 1 - vectorOf(Number(hash)).reduce((sum, value, i) => sum + value * asked[i]!, 0))
    .sort((a, b) => a - b)
    .slice(0, 4)
  const [hits] = await gallery.search(matrix([asked], 'query'), 4)
  expect(hits!.length).toBe(distances.length)
  hits!.forEach(({ distance }, rank) => expect(distance).toBeCloseTo(distances[rank]!, 4))
}

type Command = fc.AsyncCommand<Model, Real>

const command = (text: string, run: (model: Model, real: Real) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => text,
})

const ids = fc.uniqueArray(
  fc.integer({ min: 0, max: 11 }).map((n) => `id ${n}`),
  { minLength: 1, maxLength: 5 },
)
const content = fc.integer({ min: 0, max: 50 })
const uncertainty = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined })

/** Adds, or replaces where the id is there. */
const add = fc.tuple(ids, content, fc.boolean(), uncertainty).map(([names, first, rejected, unsure]) =>
  command(`add ${names} from ${first}${rejected ? ', rejected' : ''}`, async (model, { writer }) => {
    const states = names.map((_, i): State => ({ content: first + i, rejected, uncertainty: unsure }))
    await writer.add(
      names.map((id, i) => ({
        id,
        hash: String(states[i]!.content),
        rejected,
        ...(unsure !== undefined && { uncertainty: unsure }),
      })),
      {
        embeddings: matrix(
          states.map((state) => vectorOf(state.content)),
          'gallery',
        ),
      },
    )
    model.now = new Map([...model.now, ...names.map((id, i) => [id, states[i]!] as const)])
  }),
)

const remove = ids.map((names) =>
  command(`remove ${names}`, async (model, { writer }) => {
    expect(await writer.remove(names)).toBe(names.filter((id) => model.now.has(id)).length)
    model.now = new Map([...model.now].filter(([id]) => !names.includes(id)))
  }),
)

/** Rejects, or takes back. */
const reject = fc.tuple(ids, fc.boolean()).map(([names, rejected]) =>
  command(`${rejected ? 'reject' : 'take back'} ${names}`, async (model, { writer }) => {
    const there = names.filter((id) => model.now.has(id))
    const change = writer.update(names.map((id) => ({ id, rejected })))
    if (there.length < names.length) return expect(change).rejects.toMatchObject({ code: 'gallery/unknown-id' })
    await change
    model.now = new Map([...model.now].map(([id, state]) => [id, names.includes(id) ? { ...state, rejected } : state]))
  }),
)

const save = fc.constant(command('save', (_, { writer }) => writer.prepare()))
const compact = fc.constant(command('compact', (_, { writer }) => writer.compact()))
const reopen = fc.constant(
  command('reopen', async (_, real) => {
    await real.writer.close()
    real.writer = await real.open('write')
    expect(real.writer.warnings).toEqual([])
  }),
)
const refresh = fc.constant(
  command('refresh', async (model, { reader }) => {
    await reader.refresh()
    model.seen = model.now
  }),
)
const look = content.map((query) =>
  command(`look with ${query}`, async ({ now, seen }, { writer, reader }) => {
    await expectSame(writer, now, query)
    await expectSame(reader, seen, query)
  }),
)

it.each([
  ['exact', undefined],
  ['usearch', () => usearchEngine({ precision: 'fp32' })],
  ['mapped', () => usearchEngine({ precision: 'fp32', mapped: true })],
] as const)(
  'a gallery of the engine %s is as a plain model of it after any commands',
  async (name, engine) => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(
        fc.commands([add, add, remove, reject, save, compact, reopen, refresh, look], { size: '+1', maxCommands: 40 }),
        async (commands) => {
          const folder = path.join(home, `${name}-${count++}`)
          const open = (mode: 'read' | 'write') =>
            openGallery(folder, { space: 's', dim: DIM, mode, ...(engine && { engine: engine() }) })
          const real: Real = { writer: await open('write'), reader: undefined as unknown as Gallery, open }
          real.reader = await open('read')
          try {
            const model: Model = { now: new Map(), seen: new Map() }
            await fc.asyncModelRun(() => ({ model, real }), commands)
            await real.writer.verify()
            await expectSame(real.writer, model.now, 0)
            await real.reader.refresh()
            await expectSame(real.reader, model.now, 0)
          } finally {
            await real.reader.close()
            await real.writer.close()
            await rm(folder, { recursive: true, force: true })
          }
        },
      ),
      { numRuns: RUNS, seed: 2026, endOnFailure: RUNS < 100 },
    )
  },
  3_600_000,
)
