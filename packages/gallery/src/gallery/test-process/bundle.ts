import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const here = path.dirname(fileURLToPath(import.meta.url))

/** Builds one of the files here from the sources, so that node can run it as a process of its own. */
export async function bundle(name: string, outDir: string): Promise<string> {
  await build({
    configFile: false,
    logLevel: 'error',
    resolve: {
      alias: [{ find: /^@lookalike\/([a-z-]+)$/, replacement: path.join(here, '../../../../$1/src/index.ts') }],
    },
    ssr: { noExternal: true, external: ['onnxruntime-node', 'usearch', 'sharp', 'vite'] },
    build: {
      ssr: path.join(here, `${name}.ts`),
      outDir,
      emptyOutDir: false,
      rollupOptions: { output: { entryFileNames: `${name}.mjs` } },
    },
  })
  return path.join(outDir, `${name}.mjs`)
}
