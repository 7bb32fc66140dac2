import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createRegistry } from '@lookalike/core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { loadPlugins } from './load-plugins.js'

const body = (name: string, spec = 'v1') => `{
  specVersion: '${spec}', kind: 'reporter', name: '${name}', description: 'x',
  options: { '~standard': { version: 1, vendor: 'x', validate: (value) => ({ value }), jsonSchema: { input: () => ({ type: 'object' }) } } },
  create: () => ({ specVersion: 'v1', name: '${name}', write: async () => [] }),
}`

let folder = ''
async function put(file: string, text: string) {
  await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
  await writeFile(path.join(folder, file), text)
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-plugins-'))
  await put('package.json', '{"name": "the-project", "type": "module"}')
  await put('own.js', `export default ${body('own')}`)
  await put('typed.ts', `const name: string = 'typed'\nexport default ${body('typed')}`)
  await put('broken.js', 'throw new Error("no luck")')
  await put(
    'node_modules/@acme/two/package.json',
    '{"name": "@acme/two", "version": "2.0.1", "type": "module", "exports": {"import": "./lib/index.js"}}',
  )
  await put('node_modules/@acme/two/lib/index.js', `export default [${body('a')}, ${body('b')}]`)
  await put(
    'node_modules/future/package.json',
    '{"name": "future", "version": "9.0.0", "type": "module", "exports": "./index.js"}',
  )
  await put('node_modules/future/index.js', `export default ${body('later', 'v2')}`)
  await put(
    'node_modules/lodash-like/package.json',
    '{"name": "lodash-like", "version": "1.0.0", "type": "module", "exports": "./index.js"}',
  )
  await put('node_modules/lodash-like/index.js', 'export const map = 1')
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('loads packages and files from the given folder, with package, version and URL', async () => {
  const registry = createRegistry(await loadPlugins(['@acme/two', './own.js', './typed.ts'], folder))
  expect(registry.list('reporter').map(({ plugin }) => plugin.name)).toEqual(['a', 'b', 'own', 'typed'])
  expect(registry.origin('reporter', 'a')).toEqual({
    package: '@acme/two',
    version: '2.0.1',
    url: pathToFileURL(path.join(folder, 'node_modules/@acme/two/lib/index.js')).href,
  })
  expect(registry.origin('reporter', 'own')).toEqual({
    package: './own.js',
    url: pathToFileURL(path.join(folder, 'own.js')).href,
  })
})

it.each([
  ['acme-missing', 'plugin/not-found', /npm install acme-missing/],
  ['./missing.js', 'plugin/not-found', /missing\.js was not found.*Check the path/],
  ['./broken.js', 'plugin/failed', /no luck/],
  ['future', 'plugin/spec-version', /"later" of future 9\.0\.0 is built for plugin spec v2, and this is spec v1/],
  ['lodash-like', 'plugin/invalid', /lodash-like 1\.0\.0 exports nothing by default/],
])('refuses %s', async (specifier, code, message) => {
  const error = await loadPlugins([specifier], folder).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code, message: expect.stringMatching(message) as unknown })
})
