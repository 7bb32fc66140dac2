import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const packages = fileURLToPath(new URL('../../packages', import.meta.url))

/** What comes with native code or files of its own. */
const external = [
  'onnxruntime-node',
  'usearch',
  'sharp',
  'vite',
  '@lancedb/lancedb',
  '@qdrant/js-client-rest',
  'pg',
  '@electric-sql/pglite',
  '@electric-sql/pglite-pgvector',
]

/** Builds a file from the sources, so that node can run it as a process of its own. @returns where it is in `outDir` */
export async function bundle(file: URL, outDir: string): Promise<string> {
  const source = fileURLToPath(file)
  const name = `${path.basename(source, '.ts')}.mjs`
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [{ find: /^@lookalike\/([a-z-]+)$/, replacement: path.join(packages, '$1/src/index.ts') }],
    },
    ssr: { noExternal: true, external },
    build: { ssr: source, outDir, emptyOutDir: false, rollupOptions: { output: { entryFileNames: name } } },
  })
  return path.join(outDir, name)
}
