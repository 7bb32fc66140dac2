import { readFileSync } from 'node:fs'
import { KIND_TEMPLATES, type KindTemplate, type TemplateKind } from './kinds.js'
import type { Names } from './names.js'

const own = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

export const VERSION = own.version

/** Lookalike's packages that templates use are released together with this one. */
const LOOKALIKE = `^${VERSION}`

/** Versions that the templates were tested with. */
const TOOLS = { '@types/node': '^20.19.0', tsup: '^8.5.1', typescript: '^7.0.2', vitest: '^4.1.12', zod: '^4.6.7' }

/** The new package's package.json. */
export function manifestOf(names: Names, kind: TemplateKind): Record<string, unknown> {
  const { description, dependencies = [], devDependencies = [] }: KindTemplate = KIND_TEMPLATES[kind]
  const lookalike = (list: readonly string[]) => Object.fromEntries(list.map((name) => [name, LOOKALIKE]))
  const { zod, ...tools } = TOOLS
  return {
    name: names.package,
    version: '0.1.0',
    description,
    keywords: ['lookalike', 'lookalike-plugin', 'image-similarity', kind],
    license: 'Apache-2.0',
    type: 'module',
    sideEffects: false,
    exports: {
      '.': { types: `./dist/${names.plugin}.d.ts`, default: './dist/index.js' },
      './package.json': './package.json',
    },
    files: ['dist', '!**/*.test.d.ts'],
    engines: { node: '>=20.19' },
    scripts: {
      build: 'tsup && tsc',
      test: 'vitest run',
      typecheck: 'tsc --noEmit',
      prepublishOnly: 'npm test && npm run build',
    },
    // The project's own copy of core is used, never a second one.
    peerDependencies: lookalike(['@lookalike/core']),
    dependencies: sorted({ ...lookalike(dependencies), zod }),
    devDependencies: sorted({ ...lookalike(['@lookalike/core', '@lookalike/testkit', ...devDependencies]), ...tools }),
  }
}

const sorted = (versions: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(versions).sort(([a], [b]) => (a < b ? -1 : 1)))
