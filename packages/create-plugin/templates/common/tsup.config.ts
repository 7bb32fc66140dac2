import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/my-plugin.ts' },
  format: ['esm'],
  target: 'node20',
  clean: true,
})
