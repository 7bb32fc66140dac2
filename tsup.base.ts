import { defineConfig, type Options } from 'tsup'

/** The build that every package shares: ESM, one entry unless told otherwise. `tsc` writes the type declarations beside it. */
export function build(options: Options = {}) {
  return defineConfig({
    entry: ['src/index.ts'],
    format: ['esm'],
    target: 'node20',
    clean: true,
    // The maps point at the sources, which are in the package too.
    sourcemap: true,
    esbuildOptions(options) {
      options.sourcesContent = false
    },
    splitting: true,
    tsconfig: 'tsconfig.json',
    ...options,
  })
}
