import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { build as bundle, type Plugin } from 'esbuild'
import { build } from '../../tsup.base'

/** `zod` as its functions one by one: taken as an object, it comes whole, with its texts in forty languages. */
const shakeZod: Plugin = {
  name: 'shake-zod',
  setup({ onLoad }) {
    onLoad({ filter: /packages[\\/](core|image|onnx|encoders)[\\/]dist[\\/].*\.js$/ }, async (args) => {
      const text = await readFile(args.path, 'utf8')
      return { contents: text.replace(/import \{ z \} from "zod";/g, 'import * as z from "zod";') }
    })
  },
}

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
        plugins: [shakeZod],
      })
      return { contents: outputFiles[0]!.text, loader: 'text' }
    })
  },
}

export default build({
  entry: { index: 'src/index.ts', export: 'src/export/export-for-browser.ts' },
  esbuildPlugins: [workerText],
})
