import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const at = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The server gives the result out as it is, and lets nothing in it run that is not a file of its own. */
export default defineConfig({
  root: at('.'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: at('../dist/page'),
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { input: { index: at('index.html'), label: at('label.html') } },
  },
})
