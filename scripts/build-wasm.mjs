// Compiles packages/image/wasm/resample.ts (AssemblyScript) and writes it as a module that needs no file beside it.
//
//     node scripts/build-wasm.mjs
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const source = new URL('../packages/image/wasm/resample.ts', import.meta.url)
const target = new URL('../packages/image/src/resample/resample-wasm.ts', import.meta.url)

let bytes
const { error, stderr } = await asc.main(
  ['resample.ts', '--outFile', 'resample.wasm', '--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub'],
  {
    readFile: (name) => (name === 'resample.ts' ? readFile(source, 'utf8') : null),
    writeFile: (_name, contents) => {
      bytes = contents
    },
    listFiles: () => [],
  },
)
if (error) {
  console.error(stderr.toString())
  throw error
}
const lines = Buffer.from(bytes)
  .toString('base64')
  .match(/.{1,140}/g)
await writeFile(
  target,
  `// Made by scripts/build-wasm.mjs from packages/image/wasm/resample.ts; do not edit.
export const RESAMPLE_WASM = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('')
`,
)
console.error(`${fileURLToPath(target)}: ${bytes.length} bytes of WebAssembly`)
