import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRegistry, type JsonSchema, KINDS, type Registry } from '@lookalike/core'
import { composeJsonSchema, loadPlugins } from '@lookalike/pipeline'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CompletionItem, getLanguageService as jsonService, TextDocument } from 'vscode-json-languageservice'
import { parse } from 'yaml'
import { getLanguageService as yamlService } from 'yaml-language-server/out/src/languageservice/yamlLanguageService.js'
import { SettingsState } from 'yaml-language-server/out/src/yamlSettings.js'
import { BUILT_IN } from '../apps/cli/src/built-in-plugins.js'
import { DEFAULTS } from '../apps/cli/src/defaults.js'
import { completionsAt } from './helpers/complete-typescript.js'
import { root, runCli } from './helpers/run-cli.js'

/* What an editor offers while a config is written: asked of the services that VS Code and others use. */

let folder = ''
let registry: Registry
let schema: JsonSchema
let accepts: ValidateFunction

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-editors-'))
  await copyFile(path.join(root, 'tests/plugins/colour-grid.js'), path.join(folder, 'colour-grid.mjs'))
  await writeFile(path.join(folder, 'lookalike.config.yaml'), 'plugins: [./colour-grid.mjs]\n')
  const { code, stderr } = await runCli(['schema', '--out', 'lookalike.schema.json'], { cwd: folder })
  expect([code, stderr]).toEqual([0, ''])
  schema = JSON.parse(await readFile(path.join(folder, 'lookalike.schema.json'), 'utf8')) as JsonSchema
  registry = createRegistry([
    ...(await loadPlugins(BUILT_IN, path.join(root, 'apps/cli'))),
    ...(await loadPlugins(['./colour-grid.mjs'], folder)),
  ])
  const ajv = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictTuples: false,
    allErrors: true,
    validateFormats: false,
  })
  accepts = ajv.compile(schema)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the composed schema', () => {
  it('is what the registry composes', () => {
    expect(schema).toEqual(JSON.parse(JSON.stringify(composeJsonSchema(registry, DEFAULTS))))
  })

  it.each(['emoji', 'mini', 'proxy-anchor', 'stir'])('accepts the example %s', async (name) => {
    const text = await readFile(path.join(root, 'examples', name, 'lookalike.config.yaml'), 'utf8')
    accepts(parse(text))
    expect(accepts.errors ?? []).toEqual([])
  })

  it('accepts what init writes, which names the schema for editors', async () => {
    const fresh = path.join(folder, 'fresh')
    expect(await runCli(['init', fresh], { cwd: folder })).toMatchObject({ code: 0 })
    const text = await readFile(path.join(fresh, 'lookalike.config.yaml'), 'utf8')
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./lookalike.schema.json')
    accepts(parse(text))
    expect(accepts.errors ?? []).toEqual([])
  })

  it.each([
    ['an unknown key', { encodr: 'mini' }],
    ['an unknown option', { encoder: { use: 'colour-grid', cell: 4 } }],
    ['a wrong type', { encoder: { use: 'colour-grid', cells: 'four' } }],
    ['a number out of its range', { encoder: { use: 'colour-grid', cells: 0 } }],
    ['a word that is none of those', { images: { onCorrupt: 'ignore' } }],
    ['a plugin that is not installed', { encoder: 'colour-gird' }],
    ['a plugin of another kind', { encoder: 'proxy-anchor' }],
    [
      'a plugin inside a plugin that is not installed',
      { train: { use: 'metric-learning', loss: { use: 'proxy-ancor' } } },
    ],
  ])('refuses %s', (_, config) => {
    expect(accepts(config)).toBe(false)
  })

  it('describes every key and every option of every plugin', () => {
    const missing: string[] = []
    const walk = (node: JsonSchema, at: string) => {
      for (const [name, option] of Object.entries(node.properties ?? {})) {
        if (option.description === undefined) missing.push(`${at}.${name}`)
      }
    }
    walk(schema, 'config')
    for (const [name, definition] of Object.entries(schema.$defs ?? {})) walk(definition, name)
    expect(missing).toEqual([])
    for (const kind of KINDS)
      for (const { plugin } of registry.list(kind)) expect(schema.$defs).toHaveProperty([`${kind}.${plugin.name}`])
  })
})

/** Labels of what an editor offers where the text has a `|`, without quotes. */
type Complete = (text: string) => Promise<Map<string, CompletionItem>>
const byLabel = (items: readonly CompletionItem[]) =>
  new Map(items.map((item) => [item.label.replace(/^"|"$/g, ''), item]))
const readUri = (uri: string) => readFile(fileURLToPath(uri), 'utf8')
const split = (text: string) => ({ text: text.replace('|', ''), offset: text.indexOf('|') })
const documentation = (item: CompletionItem | undefined) =>
  typeof item?.documentation === 'string' ? item.documentation : item?.documentation?.value

const inJson: Complete = async (marked) => {
  const { text, offset } = split(marked)
  const service = jsonService({
    schemaRequestService: readUri,
    workspaceContext: { resolveRelativePath: (relative, from) => new URL(relative, from).href },
  })
  const document = TextDocument.create(new URL(`file://${folder}/lookalike.config.json`).href, 'json', 1, text)
  const list = await service.doComplete(document, document.positionAt(offset), service.parseJSONDocument(document))
  return byLabel(list?.items ?? [])
}

/** Parsed documents are kept by their version. */
let version = 0

const inYaml: Complete = async (marked) => {
  const { text, offset } = split(marked)
  const settings = new SettingsState()
  const service = yamlService({
    schemaRequestService: readUri,
    workspaceContext: { resolveRelativePath: (relative: string, from: string) => new URL(relative, from).href },
    yamlSettings: settings,
    telemetry: {
      send: async () => {},
      sendError: async (_: string, error: unknown) => {
        throw error
      },
      sendTrack: async () => {},
    },
  } as unknown as Parameters<typeof yamlService>[0])
  service.configure({ completion: true, validate: true, hover: true, isKubernetes: false, schemas: [] })
  const document = TextDocument.create(new URL(`file://${folder}/lookalike.config.yaml`).href, 'yaml', ++version, text)
  const list = await service.doComplete(document, document.positionAt(offset), false)
  return byLabel(list.items)
}

const JSON_HEAD = '"$schema": "./lookalike.schema.json"'
const YAML_HEAD = '# yaml-language-server: $schema=./lookalike.schema.json\n'

describe.each<[string, Complete, Record<'keys' | 'plugins' | 'options' | 'nested' | 'words', string>]>([
  [
    'JSON',
    inJson,
    {
      keys: `{${JSON_HEAD}, "|"}`,
      plugins: `{${JSON_HEAD}, "encoder": "|"}`,
      options: `{${JSON_HEAD}, "encoder": {"use": "colour-grid", "|"}}`,
      nested: `{${JSON_HEAD}, "train": {"use": "metric-learning", "loss": {"use": "proxy-anchor", "|"}}}`,
      words: `{${JSON_HEAD}, "images": {"onCorrupt": "|"}}`,
    },
  ],
  [
    'YAML',
    inYaml,
    {
      keys: `${YAML_HEAD}seed: 1\n|`,
      plugins: `${YAML_HEAD}encoder: |`,
      options: `${YAML_HEAD}encoder:\n  use: colour-grid\n  |`,
      nested: `${YAML_HEAD}train:\n  use: metric-learning\n  loss:\n    use: proxy-anchor\n    |`,
      words: `${YAML_HEAD}images:\n  onCorrupt: |`,
    },
  ],
])('in %s', (_, complete, places) => {
  it('completes keys, with what they mean', async () => {
    const found = await complete(places.keys)
    for (const key of ['dataset', 'encoder', 'train', 'rerankers', 'evaluate', 'images'])
      expect([...found.keys()]).toContain(key)
    expect(documentation(found.get('rerankers'))).toContain('in this order')
  })
  it('completes the plugins of a kind, third-party ones included', async () => {
    const found = await complete(places.plugins)
    for (const name of ['mini', 'dino', 'colour-grid']) expect([...found.keys()]).toContain(name)
    expect([...found.keys()]).not.toContain('proxy-anchor')
  })
  it('completes the options of the plugin that is used', async () => {
    const found = await complete(places.options)
    expect([...found.keys()]).toContain('cells')
    expect(documentation(found.get('cells'))).toContain('Cells along each edge.')
    expect([...found.keys()]).not.toContain('pooling')
  })
  it('completes options of plugins inside plugins', async () => {
    const found = await complete(places.nested)
    expect([...found.keys()]).toContain('alpha')
    expect([...found.keys()]).not.toContain('tau')
  })
  it('completes words', async () => {
    const found = [...(await complete(places.words)).keys()]
    expect(found).toEqual(expect.arrayContaining(['skip', 'fail']))
  })
})

describe('in TypeScript', () => {
  const head = `import { defineConfig } from '@lookalike/cli'\n`
  it('completes the options of every plugin that comes with the command', () => {
    for (const [key, kind] of [
      ['encoder', 'encoder'],
      ['combiner', 'combiner'],
      ['index', 'index'],
      ['dataset', 'dataset'],
      ['train', 'trainer'],
    ] as const) {
      const names = registry
        .list(kind)
        .map(({ plugin }) => plugin.name)
        .filter((name) => name !== 'colour-grid')
      expect(completionsAt(`${head}export default defineConfig({ ${key}: '|' })`)).toEqual(
        expect.arrayContaining(names),
      )
    }
    expect(completionsAt(`${head}export default defineConfig({ encoder: { use: 'mini', | } })`)).toContain('projection')
  })
  it('completes options of plugins inside plugins', () => {
    const found = completionsAt(
      `${head}export default defineConfig({ train: { use: 'metric-learning', loss: { use: 'proxy-anchor', | } } })`,
    )
    expect(found).toContain('alpha')
    expect(found).not.toContain('tau')
    const kinds = { loss: 'loss', sampler: 'sampler' } as const
    for (const [key, kind] of Object.entries(kinds)) {
      expect(
        completionsAt(`${head}export default defineConfig({ train: { use: 'metric-learning', ${key}: '|' } })`),
      ).toEqual(expect.arrayContaining(registry.list(kind).map(({ plugin }) => plugin.name)))
    }
    const list = (text: string, kind: 'reranker' | 'reporter' | 'augmentation') =>
      expect(completionsAt(`${head}export default defineConfig({ ${text} })`)).toEqual(
        expect.arrayContaining(registry.list(kind).map(({ plugin }) => plugin.name)),
      )
    list("rerankers: ['|']", 'reranker')
    list("evaluate: { reporters: ['|'] }", 'reporter')
    list("train: { use: 'metric-learning', augmentations: ['|'] }", 'augmentation')
  })
  it("completes the options of a third party's plugin, once its package is imported", () => {
    const other = `declare module '@lookalike/core' {\n  interface LossPlugins { 'my-loss': { temperature?: number } }\n}\nexport {}\n`
    expect(
      completionsAt(
        `${head}import './my-loss.js'\nexport default defineConfig({ train: { use: 'metric-learning', loss: { use: 'my-loss', | } } })`,
        { 'my-loss.ts': other },
      ),
    ).toContain('temperature')
  })
})
