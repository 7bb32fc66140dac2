import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEmbeddings, createRandom } from '@lookalike/core'
import { runTrainer } from '@lookalike/pipeline'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes } from '../lib/mutate.mjs'

const dataset = { specVersion: 'v1', name: 'none', items: [] }
const encoder = {
  specVersion: 'v1',
  name: 'none',
  dim: 2,
  space: 'none',
  encode: async () => createEmbeddings({ data: new Float32Array(2), rows: 1, dim: 2, space: 'none', role: 'any' }),
  dispose: async () => {},
}
const STEPS = 6

/** Counts: what it ends with is known, whatever it goes on from. `stopAt` ends it there, as a crash would. */
const counting = (stopAt) => ({
  specVersion: 'v1',
  name: 'counting',
  async train({ run }) {
    const found = await run.checkpoints.load('last')
    const weights = Float32Array.from(found?.arrays.weights.w ?? Array(50).fill(0))
    for (let step = found?.facts.step ?? 0; step < STEPS; step++) {
      if (step === stopAt) throw new Error('stopped')
      weights.forEach((_, i) => (weights[i] += i + step))
      await run.checkpoints.save('last', { facts: { step: step + 1 }, arrays: { weights: { w: weights } } })
    }
    if (weights.some((value, i) => value !== i * STEPS + (STEPS * (STEPS - 1)) / 2))
      throw new Error(`ended with ${weights}`)
    return { artefacts: {}, metrics: {} }
  },
})

export async function open(folder) {
  const base = path.join(folder, 'base')
  const options = { dataset, encoder, seed: 0 }
  if (!existsSync(base))
    await runTrainer(counting(3), { ...options, folder: base }).catch((error) => {
      if (error.message !== 'stopped') throw error
    })
  const names = readdirSync(base).filter((name) => /\.(bin|json|jsonl)$/.test(name))
  if (!names.some((name) => name.endsWith('.bin'))) throw new Error(`no checkpoint among ${names}`)
  return {
    async attempt(i) {
      const random = createRandom(`checkpoint ${i}`)
      const copy = path.join(folder, 'copy')
      rmSync(copy, { recursive: true, force: true })
      cpSync(base, copy, { recursive: true })
      const file = path.join(copy, names[i % names.length])
      writeFileSync(file, mutateBytes(readFileSync(file), random))
      await runTrainer(counting(), { ...options, folder: copy, resume: true })
    },
  }
}

export default {
  name: 'input: mutated checkpoints, run.json and logs of a run that goes on',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), { folder: path.join(folder, 'checkpoints'), count: short ? 90 : 6000 }),
}
