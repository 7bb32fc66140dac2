import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = path.dirname(fileURLToPath(import.meta.url))

/** Builds the worker from the sources, so that node can run it as a process of its own. */
export async function bundleWorker(outDir: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [{ find: /^@lookalike\/([a-z-]+)$/, replacement: path.join(here, '../../../$1/src/index.ts') }],
    },
    ssr: { noExternal: true, external: ['onnxruntime-node', 'usearch', 'sharp', 'vite', 'bullmq', 'ioredis'] },
    build: {
      ssr: path.join(here, 'worker.ts'),
      outDir,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: 'worker.mjs' } },
    },
  })
  return path.join(outDir, 'worker.mjs')
}
