// What a page gets of the packages that need nothing of Node: one script by esbuild.

import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** The entries that run in a browser. */
export const FOR_BROWSERS = [
  '@lookalike/core',
  '@lookalike/evaluate',
  '@lookalike/rerank/classical',
  '@lookalike/losses',
  '@lookalike/image/browser',
  '@lookalike/onnx/browser',
  '@lookalike/onnx/web-session',
  '@lookalike/encoders/browser',
]

/**
 * Bundles a program. A module of Node that is left in it is an error.
 *
 * @param {string} program the text of an ES module
 * @param {{ globalName?: string }} options
 */
export async function bundleForBrowser(program, { globalName } = {}) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: root },
    bundle: true,
    // The runtime is loaded beside the bundle.
    external: ['onnxruntime-web/*'],
    // The built packages, and not the sources that the types are checked with.
    tsconfigRaw: '{}',
    platform: 'browser',
    target: 'es2022',
    format: globalName === undefined ? 'esm' : 'iife',
    globalName,
    minify: true,
    metafile: true,
    write: false,
    logLevel: 'silent',
    absWorkingDir: root,
  })
  const code = outputFiles[0].text
  return {
    code,
    bytes: Buffer.byteLength(code),
    gzipped: gzipSync(code).length,
    /** What each file of ours imports, as esbuild resolved it; `(disabled):` stands before what a `browser` field leaves out. */
    imports: Object.entries(metafile.inputs)
      .filter(([file]) => file.startsWith('packages/'))
      .flatMap(([from, { imports }]) => imports.map(({ path }) => ({ from, to: path }))),
  }
}
