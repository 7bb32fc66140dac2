import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRandom, isLookalikeError, type Random } from '@lookalike/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { diagnoseTraining } from '../check/diagnose-training.js'
import { createSession } from '../session/create-session.js'
import type { Session } from '../session/open-session.js'
import { loadModel } from './model-file.js'
import { float32, sizeOf } from './tensor.js'

/** The suite tries a few; the campaign before a release two thousand. */
const MUTANTS = Number(process.env['LOOKALIKE_MUTANTS'] ?? 60)

const originals = ['resnet', 'deit-distilled'].map((name) =>
  readFileSync(new URL(`../../fixtures/${name}.onnx`, import.meta.url)),
)

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lookalike-mutants-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** Flipped bits, a cut, bytes put in, or small numbers (sizes, settings) changed. */
function mutate(original: Buffer, random: Random): Buffer {
  const at = (length: number) => Math.floor(random.next() * length)
  const bytes = Buffer.from(original)
  const kind = at(4)
  if (kind === 0) for (let i = 0; i <= at(6); i++) bytes[at(bytes.length)]! ^= 1 << at(8)
  if (kind === 1) return bytes.subarray(0, 1 + at(bytes.length))
  if (kind === 2) {
    const place = at(bytes.length)
    const added = Buffer.from(Array.from({ length: at(16) }, () => at(256)))
    return Buffer.concat([bytes.subarray(0, place), added, bytes.subarray(place)])
  }
  if (kind === 3) {
    for (let i = 0; i < 3; i++) {
      let place = at(bytes.length)
      for (let tries = 0; tries < 200 && (bytes[place] === 0 || bytes[place]! >= 64); tries++) place = at(bytes.length)
      bytes[place] = [0, 1, 127, 255, bytes[place]! + 1, bytes[place]! * 2][at(6)]! & 255
    }
  }
  return bytes
}

async function run(session: Session): Promise<void> {
  const feeds = session.inputs.map(({ name, shape }) => {
    const dims = (shape ?? [1, 3, 32, 32]).map((dim, i) => (typeof dim === 'number' ? dim : [1, 3, 32, 32][i]!))
    return [name, dims] as const
  })
  if (feeds.some(([, dims]) => dims.some((dim) => dim < 0) || sizeOf(dims) > 1e6)) return
  await session.run(
    Object.fromEntries(feeds.map(([name, dims]) => [name, float32(new Float32Array(sizeOf(dims)).fill(0.3), dims)])),
  )
}

/** Undefined where all is well or the fault is one of ours. */
async function unforeseen(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    return isLookalikeError(error) ? undefined : String(error instanceof Error ? error.stack : error)
  }
}

test(`${MUTANTS} mutated models work or end in an error with a code`, { timeout: 3_600_000 }, async () => {
  const file = join(folder, 'mutant.onnx')
  const faults: string[] = []
  for (let i = 0; i < MUTANTS; i++) {
    await writeFile(file, mutate(originals[i % 2]!, createRandom(`mutant ${i}`)))
    const found = [
      await unforeseen(async () => diagnoseTraining(await loadModel(file))),
      await unforeseen(async () => {
        const session = await createSession(file, { threads: 1 })
        await run(session).finally(() => session.dispose())
      }),
    ]
    for (const fault of found) if (fault !== undefined) faults.push(`mutant ${i}: ${fault}`)
  }
  expect(faults).toEqual([])
})
