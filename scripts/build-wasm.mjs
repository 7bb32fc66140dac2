// Compiles the kernels in AssemblyScript and writes each as a module that needs no file beside it.
//
//     node scripts/build-wasm.mjs
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'

const KERNELS = [
  {
    name: 'RESAMPLE_WASM',
    source: new URL('../packages/image/wasm/resample.ts', import.meta.url),
    target: new URL('../packages/image/src/resample/resample-wasm.ts', import.meta.url),
  },
  {
    name: 'COMPARE_WASM',
    source: new URL('../packages/browser/wasm/compare.ts', import.meta.url),
    target: new URL('../packages/browser/src/gallery/compare-wasm.ts', import.meta.url),
  },
]

for (const { name, source, target } of KERNELS) {
  let bytes
  const { error, stderr } = await asc.main(
    ['kernel.ts', '--outFile', 'kernel.wasm', '--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub'],
    {
      readFile: (file) => (file === 'kernel.ts' ? readFile(source, 'utf8') : Promise.resolve(null)),
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
    `// Made by scripts/build-wasm.mjs from ${source.href.replace(/.*(?=packages\/)/, '')}; do not edit.
export const ${name} = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('')
`,
  )
  console.error(`${fileURLToPath(target)}: ${bytes.length} bytes of WebAssembly`)
}
