import { defineConfig, type Options } from 'tsup'

/** The build that every package shares: ESM, type declarations, one entry unless told otherwise. */
export function build(options: Options = {}) {
  return defineConfig({
    entry: ['src/index.ts'],
    format: ['esm'],
    target: 'node20',
    dts: true,
    clean: true,
    splitting: true,
    tsconfig: 'tsconfig.json',
    ...options,
  })
}
