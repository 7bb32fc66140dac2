import { createRequire } from 'node:module'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'

const WASM = ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm']
const WEBGPU = ['ort.webgpu.bundle.min.mjs', 'ort-wasm-simd-threaded.asyncify.wasm']

/**
 * The files that a page needs of onnxruntime-web, as installed here or in the project of the working directory.
 *
 * @throws `export/no-runtime`
 */
export function runtimeFiles(webgpu: boolean): string[] {
  for (const from of [path.join(process.cwd(), 'package.json'), import.meta.url]) {
    try {
      const folder = path.dirname(createRequire(from).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'))
      return [...WASM, ...(webgpu ? WEBGPU : [])].map((name) => path.join(folder, name))
    } catch {
      // Looked for in the next place.
    }
  }
  throw new LookalikeError('export/no-runtime', {
    problem: 'onnxruntime-web, which runs the model in a page, is not installed',
    fix: 'npm install onnxruntime-web, or leave its files out and name their address in the page.',
  })
}
