import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRandom } from '@lookalike/core'
import { createOnnxEncoder } from '@lookalike/encoders'
import { createSession, diagnoseTraining, float32, loadModel } from '@lookalike/onnx'
import { tryMutants } from '../lib/mutants.mjs'
import { mutateBytes } from '../lib/mutate.mjs'

const PREPROCESSING = {
  resize: { mode: 'squash' },
  crop: { width: 32, height: 32 },
  interpolation: 'bilinear',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  channels: 'rgb',
  layout: 'nchw',
}

/** Small numbers (sizes, settings) changed: what flipped bits seldom reach. */
function mutateNumbers(original, random) {
  const bytes = Buffer.from(original)
  for (let i = 0; i < 3; i++) {
    let at = random.integer(bytes.length)
    for (let tries = 0; tries < 200 && (bytes[at] === 0 || bytes[at] >= 64); tries++) at = random.integer(bytes.length)
    bytes[at] = [0, 1, 127, 255, bytes[at] + 1, bytes[at] * 2][random.integer(6)] & 255
  }
  return bytes
}

export async function open(folder) {
  const originals = ['resnet', 'deit-distilled'].map((name) =>
    readFileSync(new URL(`../../packages/onnx/fixtures/${name}.onnx`, import.meta.url)),
  )
  const file = path.join(folder, 'mutant.onnx')
  const run = async () => {
    const session = await createSession(file, { threads: 1 })
    try {
      const feeds = session.inputs.map(({ name, shape }) => [
        name,
        (shape ?? [1, 3, 32, 32]).map((dim, i) => (typeof dim === 'number' ? dim : ([1, 3, 32, 32][i] ?? 1))),
      ])
      const sizeOf = (dims) => dims.reduce((product, dim) => product * dim, 1)
      if (feeds.some(([, dims]) => dims.some((dim) => dim < 0) || sizeOf(dims) > 1e6)) return
      await session.run(
        Object.fromEntries(
          feeds.map(([name, dims]) => [name, float32(new Float32Array(sizeOf(dims)).fill(0.3), dims)]),
        ),
      )
    } finally {
      await session.dispose()
    }
  }
  const encode = async () => {
    const encoder = await createOnnxEncoder({ model: file, preprocessing: PREPROCESSING, threads: 1 })
    try {
      await encoder.encode({ kind: 'pixels', data: new Float32Array(3 * 32 * 32).fill(0.3), count: 1 })
    } finally {
      await encoder.dispose()
    }
  }
  return {
    async attempt(i) {
      const random = createRandom(`model ${i}`)
      writeFileSync(file, (random.next() < 0.4 ? mutateNumbers : mutateBytes)(originals[i % 2], random))
      let named
      for (const work of [async () => diagnoseTraining(await loadModel(file)), run, encode])
        await work().catch((error) => {
          if (typeof error?.code !== 'string' || !error.code.includes('/')) throw error
          named ??= error
        })
      if (named) throw named
    },
  }
}

export default {
  name: 'input: mutated models, diagnosed, run and as encoders',
  run: ({ folder, short }) =>
    tryMutants(fileURLToPath(import.meta.url), { folder: path.join(folder, 'models'), count: short ? 40 : 2000 }),
}
