/**
 * Models of 0.94 GiB in one file and of 2.5 GiB with a file beside it: seconds to open them and encode one image, and peak memory, each in a process of its own, beside the runtime alone.
 * Python writes the models; it needs onnx and numpy.
 *
 *     node bench/large-models.mjs [--folder DIR] [--python python3] [--rounds 3]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createOnnxEncoder } from '@lookalike/encoders'
import { rounded } from './lib/vectors.mjs'

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: 'bench/.lookalike/large' },
    python: { type: 'string', default: 'python3' },
    rounds: { type: 'string', default: '3' },
    model: { type: 'string' },
    engine: { type: 'string' },
  },
})
const SIDE = 32
const preprocessing = {
  resize: { mode: 'shortest-edge', size: SIDE },
  crop: { width: SIDE, height: SIDE },
  interpolation: 'bilinear',
  background: [255, 255, 255],
  scale: 1 / 255,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  channels: 'rgb',
  layout: 'nchw',
}

/** In a process of its own: nothing but this model. */
async function openOnce(model, engine) {
  const began = performance.now()
  const pixels = new Float32Array(3 * SIDE * SIDE)
  if (engine === 'runtime alone') {
    const { InferenceSession, Tensor } = createRequire(import.meta.resolve('@lookalike/onnx'))('onnxruntime-node')
    const session = await InferenceSession.create(model, { intraOpNumThreads: 1 })
    await session.run({ pixel_values: new Tensor('float32', pixels, [1, 3, SIDE, SIDE]) })
  } else {
    const encoder = await createOnnxEncoder({
      model,
      preprocessing,
      threads: 1,
      ...(engine === 'again' && { cacheFolder: path.dirname(model) }),
    })
    await encoder.encode({ kind: 'pixels', data: pixels, count: 1 })
    await encoder.dispose()
  }
  const seconds = (performance.now() - began) / 1000
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage()
  console.log(JSON.stringify({ seconds, processor: (userCPUTime + systemCPUTime) / 1e6, 'memory, GB': maxRSS / 1e6 }))
}

function compare() {
  const here = fileURLToPath(import.meta.url)
  const folder = path.resolve(values.folder)
  mkdirSync(folder, { recursive: true })
  if (!existsSync(path.join(folder, 'three.onnx'))) {
    const { status } = spawnSync(values.python, [here.replace(/mjs$/, 'py'), folder], { stdio: 'inherit' })
    if (status !== 0) process.exit(status ?? 1)
  }
  const table = []
  for (const model of ['one.onnx', 'three.onnx']) {
    const runs = new Map(['runtime alone', 'with the check', 'again'].map((engine) => [engine, []]))
    for (let round = 0; round <= Number(values.rounds); round++) {
      for (const [engine, all] of runs) {
        const args = [here, '--engine', engine, '--model', path.join(folder, model)]
        const { stdout, status } = spawnSync(process.execPath, args, {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        if (status !== 0) process.exit(status ?? 1)
        // The first round reads the disk, and keeps the outcome of the check.
        if (round > 0) all.push(JSON.parse(stdout))
      }
    }
    for (const [engine, all] of runs) {
      const [fastest] = all.toSorted((a, b) => a.seconds - b.seconds)
      table.push({
        model,
        engine,
        ...Object.fromEntries(Object.entries(fastest).map(([key, value]) => [key, rounded(value)])),
      })
    }
  }
  console.table(table)
}

await (values.engine ? openOnce(path.resolve(values.model), values.engine) : compare())
