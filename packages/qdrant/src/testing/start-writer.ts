import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = path.dirname(fileURLToPath(import.meta.url))
let built: Promise<string> | undefined

/** Starts the writer on a gallery, built from the sources. Its dependencies are this package's. */
export async function startWriter(url: string, collection: string): Promise<ChildProcess> {
  const file = await (built ??= bundle(path.join(here, '../../node_modules/.test-writer')))
  return spawn(process.execPath, [file, url, collection], { stdio: ['ignore', 'pipe', 'inherit'] })
}

async function bundle(outDir: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [{ find: /^@lookalike\/([a-z-]+)$/, replacement: path.join(here, '../../../$1/src/index.ts') }],
    },
    ssr: { noExternal: true, external: ['@qdrant/js-client-rest'] },
    build: {
      ssr: path.join(here, 'writer.ts'),
      outDir,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: 'writer.mjs' } },
    },
  })
  return path.join(outDir, 'writer.mjs')
}
