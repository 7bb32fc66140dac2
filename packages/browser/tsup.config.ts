import path from 'node:path'
import { build as bundle, type Plugin } from 'esbuild'
import { build } from '../../tsup.base'

/** `x.ts?worker-text`: the program as one text, with all that it imports. */
const workerText: Plugin = {
  name: 'worker-text',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\?worker-text$/ }, ({ path: name, resolveDir }) => ({
      path: path.join(resolveDir, name.replace(/\?.*/, '')),
      namespace: 'worker-text',
    }))
    onLoad({ filter: /.*/, namespace: 'worker-text' }, async ({ path: entry }) => {
      const { outputFiles } = await bundle({
        entryPoints: [entry],
        bundle: true,
        platform: 'browser',
        format: 'esm',
        target: 'es2022',
        minify: true,
        write: false,
        // The runtime's files are imported by their address.
        external: ['onnxruntime-web/*'],
        tsconfigRaw: '{}',
      })
      return { contents: outputFiles[0]!.text, loader: 'text' }
    })
  },
}

export default build({
  entry: { index: 'src/index.ts', export: 'src/export/export-for-browser.ts' },
  esbuildPlugins: [workerText],
})
