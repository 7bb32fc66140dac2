import type { ArgsDef } from 'citty'
import colors from 'picocolors'
import type { NamedCommand } from '../command.js'
import { EXIT } from '../exit-codes.js'

/** The help of one command. */
export function renderHelp(command: NamedCommand): string {
  const entries = Object.entries(command.args as ArgsDef)
  const positionals = entries.filter(([, arg]) => arg.type === 'positional')
  const usage = positionals.map(([name, arg]) => {
    const shown = `${arg.valueHint ?? name}${command.takesMore ? ' ...' : ''}`
    return arg.required === false ? `[${shown}]` : `<${shown}>`
  })
  const options = entries
    .filter(([, arg]) => arg.type !== 'positional')
    .map(([name, arg]) => {
      const short = [('alias' in arg ? arg.alias : undefined) ?? []].flat().find((alias) => alias.length === 1)
      const value =
        arg.type === 'boolean' ? '' : ` <${arg.valueHint ?? (arg.type === 'enum' ? arg.options?.join('|') : 'value')}>`
      return [
        `${short ? `-${short}, ` : '    '}--${name}${value}`,
        `${arg.description ?? ''}${arg.default === undefined ? '' : ` Default: ${arg.default}.`}`,
      ] as const
    })
  if (command.takesOverrides)
    options.push(['    --<path>=<value>', 'Set any key of the config: --seed=1, --encoder=mini, --evaluate.ks=[1,10].'])
  return [
    `${command.description}`,
    '',
    `${colors.bold('Usage')}: lookalike ${[command.name, ...usage].join(' ')} [options]`,
    ...(positionals.length > 0
      ? ['', columns(positionals.map(([name, arg]) => [`  ${arg.valueHint ?? name}`, arg.description ?? '']))]
      : []),
    '',
    colors.bold('Options'),
    columns(options.map(([flag, text]) => [`  ${flag}`, text])),
    '',
    colors.bold('Examples'),
    ...command.examples.flatMap(([line, does]) => [`  ${colors.dim(`# ${does}`)}`, `  ${line}`]),
    '',
    `Exit codes: ${EXIT.ok} done, ${EXIT.failure} failed, ${EXIT.usage} wrong command line or config, ${EXIT.interrupted} interrupted.`,
  ].join('\n')
}

/** The list of commands. */
export function renderOverview(
  commands: readonly { readonly name: string; readonly description: string }[],
  version: string,
): string {
  return [
    `Lookalike ${version}: image similarity from one config file.`,
    '',
    `${colors.bold('Usage')}: lookalike <command> [options]`,
    '',
    colors.bold('Commands'),
    columns(commands.map(({ name, description }) => [`  ${name}`, description])),
    '',
    'lookalike <command> --help shows options and examples.',
    "A config can run code: its plugins, what it extends, itself. For someone else's: --no-plugins.",
  ].join('\n')
}

function columns(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2
  return rows.map(([left, right]) => `${left.padEnd(width)}${right}`).join('\n')
}
