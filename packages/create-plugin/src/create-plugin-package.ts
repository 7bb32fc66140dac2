import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { KIND_TEMPLATES, TEMPLATE_KINDS, type TemplateKind } from './kinds.js'
import { manifestOf } from './manifest.js'
import { type Names, nameProblem, namesOf } from './names.js'
import { Problem } from './problem.js'

export interface PluginPackageOptions {
  /** The package's name, as npm takes it. */
  readonly name: string
  readonly kind: TemplateKind
  /** Where the package's folder is made. Default: the current folder. */
  readonly parent?: string | undefined
}

export interface PluginPackage extends Names {
  /** The new folder, absolute. */
  readonly path: string
  /** What was written, relative to it. */
  readonly files: readonly string[]
}

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))

/**
 * Writes a package with one plugin: source, test, README, build, CI and licence. Nothing is installed, and nothing that is there is overwritten.
 *
 * @throws Problem where npm refuses the name, there is no such kind, or the folder holds anything.
 *
 * @example
 * const { path } = await createPluginPackage({ name: 'my-loss', kind: 'loss' })
 */
export async function createPluginPackage({ name, kind, parent = '.' }: PluginPackageOptions): Promise<PluginPackage> {
  const wrong = nameProblem(name)
  if (wrong !== undefined) throw new Problem(wrong)
  if (!TEMPLATE_KINDS.includes(kind))
    throw new Problem(`There is no kind "${String(kind)}". One of: ${TEMPLATE_KINDS.join(', ')}.`)
  const names = namesOf(name)
  const target = path.resolve(parent, names.folder)
  await refuseFull(target)

  const fill = filler(names, kind)
  const files = new Map([
    ['package.json', `${JSON.stringify(manifestOf(names, kind), null, 2)}\n`],
    ['LICENSE', await readFile(path.join(PACKAGE, 'LICENSE'), 'utf8')],
  ])
  for (const template of ['common', kind]) {
    const from = path.join(PACKAGE, 'templates', template)
    for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      const file = path.join(entry.parentPath, entry.name)
      // npm leaves files called .gitignore out of packages.
      const to = fill(path.relative(from, file)).replace('_gitignore', '.gitignore')
      files.set(to, fill(await readFile(file, 'utf8')))
    }
  }
  for (const [file, text] of files) {
    await mkdir(path.dirname(path.join(target, file)), { recursive: true })
    await writeFile(path.join(target, file), text, { flag: 'wx' })
  }
  return { ...names, path: target, files: [...files.keys()].sort() }
}

async function refuseFull(folder: string): Promise<void> {
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw new Problem(`${folder} is there and is no folder. Take another name.`)
  })
  if (found.length > 0)
    throw new Problem(
      `${folder} is there and holds ${found.length === 1 ? 'a file' : `${found.length} files`}. Take another name, or empty it first.`,
    )
}

/** Puts names into a template, which is called `my-plugin` and works as it is. */
function filler(names: Names, kind: TemplateKind): (text: string) => string {
  const { description, usage } = KIND_TEMPLATES[kind]
  const values: Readonly<Record<string, string>> = {
    package: names.package,
    folder: names.folder,
    kind,
    description,
    usage,
    article: /^[aeiou]/.test(kind) ? 'An' : 'A',
  }
  return (text) =>
    text
      .replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole)
      .replaceAll('my-plugin', names.plugin)
      .replaceAll('myPlugin', names.identifier)
}
