import path from 'node:path'
import ts from 'typescript'
import { root } from './run-cli.js'

const CONFIG = path.join(root, 'tests', 'lookalike.config.ts')
const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  noEmit: true,
  types: ['node'],
}

/** Files that exist in memory only; the config grows a version with every question, so that the rest is read once. */
const files = new Map<string, string>()
let version = 0

const service = ts.createLanguageService({
  getCompilationSettings: () => options,
  getScriptFileNames: () => [...files.keys()],
  getScriptVersion: (file) => (files.has(file) ? String(version) : '0'),
  getScriptSnapshot: (file) => {
    const text = files.get(file) ?? ts.sys.readFile(file)
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
  },
  getCurrentDirectory: () => root,
  getDefaultLibFileName: (given) => ts.getDefaultLibFilePath(given),
  fileExists: (file) => files.has(file) || ts.sys.fileExists(file),
  readFile: (file) => files.get(file) ?? ts.sys.readFile(file),
  directoryExists: ts.sys.directoryExists,
  realpath: ts.sys.realpath!,
})

/** What a TypeScript editor offers where the text of a config has a `|`; it lies in this workspace and uses the built packages. */
export function completionsAt(marked: string, others: Readonly<Record<string, string>> = {}): string[] {
  files.clear()
  files.set(CONFIG, marked.replace('|', ''))
  for (const [name, text] of Object.entries(others)) files.set(path.join(root, 'tests', name), text)
  version++
  return service.getCompletionsAtPosition(CONFIG, marked.indexOf('|'), {})?.entries.map(({ name }) => name) ?? []
}
