import { readFile } from 'node:fs/promises'
import asc from 'assemblyscript/asc'
import { expect, it } from 'vitest'
import { RESAMPLE_WASM } from './resample-wasm.js'

it('is what its source compiles to', async () => {
  let compiled: Uint8Array | string = ''
  const source = await readFile(new URL('../../wasm/resample.ts', import.meta.url), 'utf8')
  const { error } = await asc.main(
    ['resample.ts', '--outFile', 'resample.wasm', '--enable', 'simd', '-O3', '--noAssert', '--runtime', 'stub'],
    {
      readFile: (name) => (name === 'resample.ts' ? source : null),
      writeFile: (_name, contents) => {
        compiled = contents
      },
      listFiles: () => [],
    },
  )
  expect(error).toBeNull()
  // After a change of the source: node scripts/build-wasm.mjs
  expect(Buffer.from(compiled).toString('base64')).toBe(RESAMPLE_WASM)
})
