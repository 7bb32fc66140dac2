import type { OperationOptions } from '@lookalike/core'
import type { Overrides } from '@lookalike/pipeline'
import type { ArgsDef, ParsedArgs } from 'citty'
import type { Output } from './terminal/create-output.js'

export interface Operation extends OperationOptions {
  readonly signal: AbortSignal
}

/** What every command gets besides its own arguments. */
export interface CommandContext {
  readonly output: Output
  /** How its work is stopped, by Ctrl-C, and where that tells how it goes. */
  readonly operation: Operation
  /** From now on the command has so many milliseconds to reach a safe point after Ctrl-C; before, 1,100. */
  readonly allow: (milliseconds: number) => void
  /** `--train.epochs=3` and the like, by path. */
  readonly overrides: Overrides
  /** The arguments that are no options, in order. */
  readonly positionals: readonly string[]
}

export interface Command<T extends ArgsDef = ArgsDef> {
  readonly name: string
  readonly args: T
  /** Command lines and what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[]
  /** Whether paths of the config may be set on the command line. */
  readonly takesOverrides: boolean
  /** Whether more than the named positional arguments may follow. */
  readonly takesMore?: boolean | undefined
  /** Resolves to an exit code; nothing means success. */
  run(args: ParsedArgs<T>, context: CommandContext): Promise<number | void>
}

/** A command with what the list of commands says of it. */
export interface NamedCommand extends Command {
  /** One sentence. */
  readonly description: string
}

/** Gives a command its types. */
export function defineCommand<const T extends ArgsDef>(command: Command<T>): Command<T> {
  return command
}

/** Options of every command. */
export const commonArgs = {
  'no-plugins': {
    type: 'boolean',
    description:
      "For a config of someone else's: refuse what would run its code (plugins, configs in code, packages that it extends).",
  },
  json: { type: 'boolean', description: 'Print the result as one JSON document; everything else goes to stderr.' },
  quiet: { type: 'boolean', alias: 'q', description: 'No progress and no warnings.' },
  debug: { type: 'boolean', description: 'Print the stack of errors.' },
  help: { type: 'boolean', alias: 'h', description: 'Show this help.' },
} as const satisfies ArgsDef

/** Of the commands that embed images. */
export const modelArgs = {
  model: {
    type: 'string',
    alias: 'm',
    valueHint: 'file.onnx',
    description: "Embed with this model instead of the config's encoder.",
  },
} as const satisfies ArgsDef

/** Options of the commands that read a config. */
export const configArgs = {
  config: {
    type: 'string',
    alias: 'c',
    valueHint: 'path',
    description: 'The config file or its folder. Default: the current folder.',
  },
} as const satisfies ArgsDef
