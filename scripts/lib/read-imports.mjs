// The imports between the project's sources, type-only ones included, tests left out.
import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { cruise } from 'dependency-cruiser'
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config'

const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))))

/** The package's folder name of a source file. */
export const packageOf = (file) => /^(?:packages|apps)\/([^/]+)/.exec(file)[1]

/**
 * Every import from one source file to another, and the circles among them.
 *
 * @returns {Promise<{ imports: { from: string, to: string }[], circles: string[][] }>}
 */
export async function readImports() {
  const tsConfig = path.join(root, 'tsconfig.json')
  // Named one by one: in `packages` and `apps` it would look at every file of every node_modules.
  const folders = ['packages', 'apps']
    .flatMap((group) => readdirSync(path.join(root, group)).map((name) => `${group}/${name}/src`))
    .filter((folder) => existsSync(path.join(root, folder)))
  const { output } = await cruise(
    folders,
    {
      baseDir: root,
      includeOnly: '^(packages|apps)/[^/]+/src/',
      exclude: { path: '\\.test\\.ts$|/testing/|/test-' },
      tsPreCompilationDeps: true,
      tsConfig: { fileName: tsConfig },
      validate: true,
      ruleSet: { forbidden: [{ name: 'circle', severity: 'error', from: {}, to: { circular: true } }] },
    },
    {},
    { tsConfig: extractTSConfig(tsConfig) },
  )
  return {
    imports: output.modules.flatMap(({ source, dependencies }) =>
      dependencies.map(({ resolved }) => ({ from: source, to: resolved })),
    ),
    circles: output.summary.violations.map(({ cycle }) => cycle.map(({ name }) => name)),
  }
}
