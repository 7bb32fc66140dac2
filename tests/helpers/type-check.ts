import path from 'node:path'
import ts from 'typescript'

export interface TypeError {
  /** Name of the source, as given. */
  readonly name: string
  /** Counted from 1. */
  readonly line: number
  readonly code: number
  readonly message: string
}

/** Type-checks modules that exist in memory only, as if they lay in `folder`, against the packages installed there. */
export function typeCheck(sources: ReadonlyMap<string, string>, folder: string, config: string): TypeError[] {
  const { compilerOptions } = ts.readConfigFile(config, ts.sys.readFile).config as { compilerOptions: object }
  const { options } = ts.convertCompilerOptionsFromJson(compilerOptions, folder)
  const settings: ts.CompilerOptions = {
    ...options,
    noEmit: true,
    declaration: false,
    isolatedModules: false,
    moduleDetection: ts.ModuleDetectionKind.Force,
  }
  const files = new Map(
    [...sources.entries()].map(([name, text], i) => [path.join(folder, `block-${i}.ts`), { name, text }]),
  )
  const host = ts.createCompilerHost(settings)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (file) => files.has(file) || fileExists.call(host, file)
  host.readFile = (file) => files.get(file)?.text ?? readFile.call(host, file)
  host.getSourceFile = (file, target, ...rest) => {
    const own = files.get(file)
    return own ? ts.createSourceFile(file, own.text, target, true) : getSourceFile.call(host, file, target, ...rest)
  }
  const program = ts.createProgram({ rootNames: [...files.keys()], options: settings, host })
  return [...files].flatMap(([file, { name }]) => {
    const source = program.getSourceFile(file)!
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, code, messageText }) => ({
        name,
        line: source.getLineAndCharacterOfPosition(start).line + 1,
        code,
        message: ts.flattenDiagnosticMessageText(messageText, '\n'),
      }),
    )
  })
}
