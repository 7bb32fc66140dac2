import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Answers, ask, type GivenAnswers } from './ask.js'
import { createPluginPackage, type PluginPackage } from './create-plugin-package.js'
import { KIND_TEMPLATES, TEMPLATE_KINDS, type TemplateKind } from './kinds.js'
import { VERSION } from './manifest.js'
import { nameProblem } from './names.js'
import { Problem } from './problem.js'

const HELP = `Starts a package with a plugin for Lookalike, in a folder of its own.

Usage
  npm create lookalike-plugin@latest [name] -- [options]

Options
  --kind <kind>  ${TEMPLATE_KINDS.join(', ')}
  --yes, -y      ask nothing; the kind has to be named, the name is lookalike-my-<kind> unless given
  --help, -h
  --version, -v

Kinds
${TEMPLATE_KINDS.map((kind) => `  ${kind.padEnd(14)} ${KIND_TEMPLATES[kind].hint}`).join('\n')}

Examples
  npm create lookalike-plugin@latest
  npm create lookalike-plugin@latest my-loss -- --kind loss --yes`

export interface Terminal {
  /** Whether questions can be asked. */
  readonly interactive: boolean
  print(text: string): void
  printError(text: string): void
}

/** Runs one command line. Returns its exit code: 0, 1 when nothing was written, 2 for arguments that are wrong. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const { values, positionals } = parse(argv)
    if (values.help) return say(HELP)
    if (values.version) return say(VERSION)
    const given = checked(values.kind, positionals)
    const answers = values.yes ? withoutAsking(given) : await asking(given, terminal)
    if (answers === undefined) return 1
    terminal.print(nextSteps(await createPluginPackage(answers)))
    return 0
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    terminal.printError(error.message)
    return error instanceof UsageProblem ? 2 : 1
  }

  function say(text: string): number {
    terminal.print(text)
    return 0
  }
}

class UsageProblem extends Problem {}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        kind: { type: 'string' },
        yes: { type: 'boolean', short: 'y', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        version: { type: 'boolean', short: 'v', default: false },
      },
    })
  } catch (error) {
    throw new UsageProblem(`${(error as Error).message.split('. ')[0]}. See --help.`)
  }
}

function checked(kind: string | undefined, positionals: readonly string[]): GivenAnswers {
  if (positionals.length > 1)
    throw new UsageProblem(`One name, not ${positionals.length}: ${positionals.join(' ')}. See --help.`)
  if (kind !== undefined && !TEMPLATE_KINDS.includes(kind as TemplateKind))
    throw new UsageProblem(`There is no kind "${kind}". One of: ${TEMPLATE_KINDS.join(', ')}.`)
  const [name] = positionals
  const wrong = name === undefined ? undefined : nameProblem(name)
  if (wrong !== undefined) throw new UsageProblem(`${wrong}.`)
  return { kind: kind as TemplateKind | undefined, name }
}

function withoutAsking({ kind, name }: GivenAnswers): Answers {
  if (kind === undefined)
    throw new UsageProblem(`With --yes the kind has to be named: --kind ${TEMPLATE_KINDS.join('|')}.`)
  return { kind, name: name ?? `lookalike-my-${kind}` }
}

async function asking(given: GivenAnswers, { interactive }: Terminal): Promise<Answers | undefined> {
  const { kind, name } = given
  if (kind !== undefined && name !== undefined) return { kind, name }
  if (!interactive)
    throw new UsageProblem('This is no terminal that questions could be asked in. Say: [name] --kind <kind> --yes.')
  return ask(given)
}

function nextSteps({ path: folder, plugin, files }: PluginPackage): string {
  return [
    `Wrote ${files.length} files to ${folder}.`,
    '',
    'Next:',
    `  cd ${path.relative('.', folder)}`,
    '  npm install',
    `  npm test       the conformance checks, and the tests in src/${plugin}.test.ts`,
    '  npm run build',
  ].join('\n')
}
