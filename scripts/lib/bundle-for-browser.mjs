// What a page gets of the packages that need nothing of Node: one script by esbuild, or by Vite.

import path from 'node:path'
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
  '@lookalike/browser',
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

/**
 * The same by Vite. It puts a stand-in in the place of a module of Node: that is an error here.
 *
 * @param {string} program the text of an ES module
 */
export async function bundleWithVite(program) {
  const { build: viteBuild } = await import('vite')
  const entry = path.join(root, 'page.js')
  const [{ output }] = await viteBuild({
    root,
    configFile: false,
    publicDir: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'program',
        enforce: 'pre',
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) => (id === entry ? program : undefined),
      },
    ],
    build: {
      write: false,
      lib: { entry, formats: ['es'] },
      minify: true,
      rollupOptions: { external: /^onnxruntime-web/, output: { codeSplitting: false } },
    },
  })
  const [{ code }] = output
  const [, left] = /"([^"]+)";\s*throw Error\(`Module "[^`]*externalized for browser compatibility/.exec(code) ?? []
  if (left !== undefined) throw new Error(`"${left}" has been externalized for browser compatibility`)
  return { code, bytes: Buffer.byteLength(code), gzipped: gzipSync(code).length }
}
