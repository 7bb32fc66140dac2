import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { buildConvNet, createOnnxEncoder } from '@lookalike/encoders'
import { writeModel } from '@lookalike/onnx'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { root } from './helpers/run-cli.js'

/* The runtime of Cloudflare's workers: no Node, no file, and no WebAssembly that is compiled from bytes. */

const isHere = () => {
  try {
    execFileSync('workerd', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** As packages/browser/README.md tells it. */
const PROGRAM = `
import module from './ort.wasm'
import bytes from './model.onnx'
import { float32, openSession, useWebRuntime } from '@lookalike/onnx/web-session'

useWebRuntime({ module })
let session
export default {
  async fetch(request) {
    session ??= await openSession(new Uint8Array(bytes))
    const pixels = new Float32Array(await request.arrayBuffer())
    const { embedding } = await session.run({ pixel_values: float32(pixels, [1, 3, 24, 24]) })
    return Response.json([...embedding.data])
  },
}`

const CONFIG = `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .worker)],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "worker.js"),
    (name = "ort.wasm", wasm = embed "ort.wasm"),
    (name = "model.onnx", data = embed "model.onnx"),
  ],
  compatibilityDate = "2025-01-01",
);`

it.skipIf(!isHere())(
  'a worker at the edge embeds as Node does (skipped where there is no workerd on the path)',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-edge-'))
    const model = writeModel(buildConvNet({ imageSize: 24, widths: [12, 24], embeddingDim: 16, seed: 1 }))
    const place = path.join(root, 'packages/browser')
    const runtime = path.dirname(createRequire(path.join(place, 'x.js')).resolve('onnxruntime-web/wasm'))
    await build({
      stdin: { contents: PROGRAM, resolveDir: place },
      bundle: true,
      format: 'esm',
      platform: 'browser',
      tsconfigRaw: '{}',
      external: ['./ort.wasm', './model.onnx'],
      outfile: path.join(folder, 'worker.js'),
    })
    await writeFile(path.join(folder, 'model.onnx'), model)
    await writeFile(path.join(folder, 'config.capnp'), CONFIG)
    await copyFile(path.join(runtime, 'ort-wasm-simd-threaded.wasm'), path.join(folder, 'ort.wasm'))
    const served = spawn('workerd', ['serve', '--control-fd=1', path.join(folder, 'config.capnp')])
    let said = ''
    served.stderr.on('data', (text) => (said += text))
    try {
      const [line] = await Promise.race([
        once(createInterface(served.stdout), 'line'),
        once(served, 'exit').then(() => Promise.reject(new Error(said))),
      ])
      const { port } = JSON.parse(line) as { port: number }
      const pixels = Float32Array.from({ length: 3 * 24 * 24 }, (_, i) => Math.sin(i))
      const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: pixels })
      const found = (await response.json().catch(() => Promise.reject(new Error(said)))) as number[]
      const encoder = await createOnnxEncoder({ model, name: 'light' })
      const { data } = await encoder.encode({ kind: 'pixels', data: pixels, count: 1 })
      await encoder.dispose()
      expect(found).toHaveLength(16)
      for (const [i, value] of found.entries()) expect(value).toBeCloseTo(data[i]!, 5)
    } finally {
      served.kill()
      await rm(folder, { recursive: true, force: true })
    }
  },
  600_000,
)
