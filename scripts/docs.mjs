// Writes docs/reference: the config from the schemas of the built plugins, the command line from the commands' own help, the errors from the sources;
// and the picture of the packages. And copies source
// files into the pages that show them, at blocks such as "```ts file=packages/...".
// With --check nothing is written; the exit code says whether the files are up to date.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { DEFAULTS, run } from '@lookalike/cli'
import { createRegistry, KINDS } from '@lookalike/core'
import { composeJsonSchema, loadPlugins } from '@lookalike/pipeline'
import { drawArchitecture } from './lib/draw-architecture.mjs'
import { errorCodes } from './lib/error-codes.mjs'
import { readImports } from './lib/read-imports.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
// Where no config is: only the built-in plugins count.
process.chdir(path.join(root, 'docs'))

/** What a command line writes to stdout, without colours. */
async function output(...argv) {
  const { write } = process.stdout
  let text = ''
  process.stdout.write = (chunk) => {
    text += chunk
    return true
  }
  try {
    const code = await run(argv)
    if (code !== 0) throw new Error(`lookalike ${argv.join(' ')} ended with exit code ${code}`)
  } finally {
    process.stdout.write = write
  }
  return stripVTControlCharacters(text).trimEnd()
}

const SAFE = Number.MAX_SAFE_INTEGER

function bounds({ minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf }) {
  return [
    exclusiveMinimum !== undefined && `above ${exclusiveMinimum}`,
    minimum !== undefined && minimum > -SAFE && `from ${minimum}`,
    exclusiveMaximum !== undefined && `below ${exclusiveMaximum}`,
    maximum !== undefined && maximum < SAFE && `up to ${maximum}`,
    multipleOf !== undefined && `a multiple of ${multipleOf}`,
  ]
    .filter(Boolean)
    .join(', ')
}

function typeText(schema) {
  if (schema.lookalikeKind) return `[${schema.lookalikeKind}](#${schema.lookalikeKind})`
  if (typeof schema.$ref === 'string') {
    const name = schema.$ref.split('/').pop()
    return KINDS.includes(name) ? `[${name}](#${name})` : name
  }
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ')
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return [...new Set(choices.map(typeText))].join(' or ')
  if (schema.prefixItems) return `[${schema.prefixItems.map(typeText).join('; ')}]`
  if (schema.type === 'array')
    return schema.items && Object.keys(schema.items).length > 0 ? `list of ${typeText(schema.items)}` : 'list'
  if (schema.type === 'object' && !schema.properties) return 'object by name'
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? 'anything')
  return [type, bounds(schema)].filter(Boolean).join(', ')
}

const cell = (text) =>
  String(text)
    .replaceAll('|', '\\|')
    .replaceAll('<', '&lt;')
    .replace(/\s*\n\s*/g, ' ')

/** One row an option; those of objects follow with their path. */
function rows(schema, prefix = '') {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const at = `${prefix}${name}`
    const fallback =
      option.default !== undefined ? `\`${JSON.stringify(option.default)}\`` : required.has(name) ? 'required' : ''
    const own = `| \`${at}\` | ${cell(typeText(option))} | ${cell(fallback)} | ${cell(option.description ?? '')} |`
    return [own, ...inner(option, at)]
  })
}

function inner(option, at) {
  if (option.properties) return rows(option, `${at}.`)
  if (option.type === 'array' && option.items) return inner(option.items, `${at}[]`)
  const choices = (option.anyOf ?? option.oneOf ?? []).filter((choice) => choice.properties || choice.type === 'array')
  return choices.flatMap((choice) => inner(choice, at)).filter((row, i, all) => all.indexOf(row) === i)
}

function table(schema) {
  const lines = rows(schema)
  return lines.length === 0
    ? ['No options.']
    : ['| option | type | default | meaning |', '| --- | --- | --- | --- |', ...lines]
}

const GENERATED = '<!-- Written by `pnpm run docs` from the built packages; changes here are lost. -->'

async function configPage() {
  const listed = JSON.parse(await output('plugins', '--json'))
  const registry = createRegistry(await loadPlugins([...new Set(listed.map((plugin) => plugin.package))], root))
  const { properties, required, type } = composeJsonSchema(registry, DEFAULTS)
  const plain = { type, required, properties }
  return [
    '# Config reference',
    '',
    GENERATED,
    '',
    'The keys of `lookalike.config.{ts,mts,js,mjs,yaml,yml,json}`, then every plugin that comes with Lookalike, by kind. A plugin is named alone',
    '(`encoder: mini`) or with options (`encoder: { use: onnx, model: ./model.onnx }`). Unknown keys are errors. `lookalike schema` gives the same to',
    'your editor, with the plugins that you installed besides.',
    '',
    `Kinds: ${KINDS.map((kind) => `[${kind}](#${kind})`).join(', ')}.`,
    '',
    '## Keys',
    '',
    ...table(plain),
    '',
    ...KINDS.flatMap((kind) => {
      const plugins = registry.list(kind)
      return [
        `## ${kind}`,
        '',
        ...(plugins.length === 0 ? ['None comes with Lookalike.', ''] : []),
        ...plugins.flatMap(({ plugin, origin }) => [
          `### ${kind}: ${plugin.name}`,
          '',
          `${cell(plugin.description)} From \`${origin.package}\`.`,
          '',
          ...table(plugin.options['~standard'].jsonSchema.input({ target: 'draft-2020-12' })),
          '',
        ]),
      ]
    }),
  ].join('\n')
}

async function cliPage() {
  const overview = await output('--help')
  const names = overview
    .split(/^Commands$/m)[1]
    .split('\n')
    .filter((line) => /^ {2}\S/.test(line))
    .map((line) => line.trim().split(/\s+/)[0])
  const pages = []
  for (const name of names) pages.push(`## ${name}`, '', '```text', await output(name, '--help'), '```', '')
  return [
    '# Command line reference',
    '',
    GENERATED,
    '',
    'What `lookalike <command> --help` says. Results go to stdout, everything else to stderr.',
    '',
    ...pages,
  ].join('\n')
}

async function errorsPage() {
  const codes = await errorCodes()
  const groups = [...new Set(codes.map(({ code }) => code.split('/')[0]))]
  const text = (value) =>
    cell(
      value
        .replace(/(\.\.\.\s*)+/g, '… ')
        .replaceAll('"… "', '"…"')
        .trim(),
    )
  return [
    '# Errors and warnings',
    '',
    GENERATED,
    '',
    'Every error has a stable code, `fields` for programs, and a text that says what was given, what was expected and what to do. A warning is the same for',
    'what did not stop the work. `…` stands for what a message fills in. Exit codes of the command: 0 done, 1 failed, 2 used wrongly, 130 interrupted.',
    '',
    ...groups.flatMap((group) => [
      `## ${group}`,
      '',
      '| code | | what it says | what to do | package |',
      '| --- | --- | --- | --- | --- |',
      ...codes
        .filter(({ code }) => code.startsWith(`${group}/`))
        .map(
          (each) => `| \`${each.code}\` | ${each.kind} | ${text(each.text)} | ${text(each.fix)} | ${each.package} |`,
        ),
      '',
    ]),
  ].join('\n')
}

/** A page with the files that its blocks name as they are now. */
async function withFiles(name) {
  const text = await readFile(path.join(root, 'docs', name), 'utf8')
  const shown = [...text.matchAll(/^```\w+ file=(\S+)$/gm)].map(([, file]) => file)
  const files = new Map(
    await Promise.all(shown.map(async (file) => [file, await readFile(path.join(root, file), 'utf8')])),
  )
  return text.replace(/^(```\w+ file=(\S+)\n)[^]*?^```$/gm, (_, fence, file) => `${fence}${files.get(file)}\`\`\``)
}

const check = process.argv.includes('--check')
const folder = path.join(root, 'docs')
const pages = {
  'reference/config.md': await configPage(),
  'reference/cli.md': await cliPage(),
  'reference/errors.md': await errorsPage(),
  'architecture.svg': await drawArchitecture((await readImports()).imports),
  'writing-plugins.md': await withFiles('writing-plugins.md'),
}
await mkdir(path.join(folder, 'reference'), { recursive: true })
for (const [name, text] of Object.entries(pages)) {
  const file = path.join(folder, name)
  if (!check) {
    await writeFile(file, text)
    continue
  }
  const found = await readFile(file, 'utf8').catch(() => '')
  if (found === text) continue
  const [a, b] = [found.split('\n'), text.split('\n')]
  const line = b.findIndex((value, i) => value !== a[i])
  console.error(
    `docs/${name} is out of date from line ${line + 1}:\n- ${a[line] ?? ''}\n+ ${b[line] ?? ''}\nRun: pnpm run docs`,
  )
  process.exitCode = 1
}
