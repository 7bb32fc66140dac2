import { LookalikeError, nearestName } from '@lookalike/core'
import { parseArgs } from 'citty'
import { COMMANDS, loadCommand } from './commands/index.js'
import { EXIT, exitCodeOf } from './exit-codes.js'
import { overview } from './overview.js'
import { splitArguments } from './split-arguments.js'
import { GRACE, GRACE_KEY, INTERRUPT, isSupervised } from './supervise.js'
import { createOutput } from './terminal/create-output.js'
import { errorJson, errorText } from './terminal/print-error.js'
import { renderHelp } from './terminal/render-help.js'
import { VERSION } from './version.js'

/**
 * Runs one command line.
 *
 * @param argv without node and the script
 * @returns the exit code
 */
export async function run(argv: readonly string[]): Promise<number> {
  const json = argv.includes('--json')
  const debug = argv.includes('--debug')
  const output = createOutput({
    json,
    quiet: argv.includes('--quiet') || argv.includes('-q'),
    stdout: process.stdout,
    stderr: process.stderr,
  })
  const { signal, release, allow } = interruption(output.note)
  try {
    const [name, ...rest] = argv
    if (name === '--version' || name === '-v') {
      process.stdout.write(`${VERSION}\n`)
      return EXIT.ok
    }
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      const topic = name === 'help' ? rest[0] : undefined
      const text = topic === undefined ? overview() : renderHelp(await commandNamed(topic))
      process.stdout.write(`${text}\n`)
      return name === undefined ? EXIT.usage : EXIT.ok
    }
    const command = await commandNamed(name)
    if (rest.includes('--help') || rest.includes('-h')) {
      process.stdout.write(`${renderHelp(command)}\n`)
      return EXIT.ok
    }
    const configKeys = command.takesOverrides ? (await import('@lookalike/pipeline')).CONFIG_KEYS : []
    const { own, positionals, overrides } = splitArguments(rest, command.args, configKeys)
    checkPositionals(command, positionals)
    const operation = { signal, onProgress: output.progress, onWarning: output.warn }
    const args = parseArgs([...own, '--', ...positionals], command.args)
    const code = (await command.run(args, { output, operation, allow, overrides, positionals })) ?? EXIT.ok
    output.finish()
    return code
  } catch (error) {
    output.finish()
    if (signal.aborted) {
      output.note('Interrupted. Everything done so far is kept.')
      return EXIT.interrupted
    }
    if (json) output.result(errorJson(error))
    process.stderr.write(`${errorText(error, debug)}\n`)
    return exitCodeOf(error)
  } finally {
    release()
  }
}

async function commandNamed(name: string) {
  if ((COMMANDS as readonly string[]).includes(name)) return loadCommand(name as (typeof COMMANDS)[number])
  const near = nearestName(name, COMMANDS)
  throw new LookalikeError(
    'cli/unknown-command',
    {
      problem: `There is no command "${name}"`,
      expected: COMMANDS.join(', '),
      fix: near && `Did you mean "${near}"?`,
    },
    { fields: { command: name, nearest: near } },
  )
}

function checkPositionals(command: Awaited<ReturnType<typeof commandNamed>>, positionals: readonly string[]): void {
  const wanted = Object.entries(command.args).filter(([, arg]) => arg.type === 'positional')
  const missing = wanted.slice(positionals.length).find(([, arg]) => arg.required !== false)
  if (missing) {
    throw new LookalikeError('cli/missing-argument', {
      problem: `lookalike ${command.name} came without ${missing[1].valueHint ?? missing[0]}`,
      expected: missing[1].description,
      fix: `See: lookalike ${command.name} --help`,
    })
  }
  if (positionals.length > wanted.length && !command.takesMore) {
    throw new LookalikeError('cli/unexpected-argument', {
      problem: `lookalike ${command.name} does not know what to do with "${positionals[wanted.length]}"`,
      fix: `See: lookalike ${command.name} --help`,
    })
  }
}

/**
 * The first Ctrl-C asks the work to stop at a safe point. The second, or the end of the time that it has for that, ends the process by the
 * signal's own force: an orderly exit would wait for native code. What is on disk survives that at any moment.
 */
function interruption(note: (text: string) => void) {
  const controller = new AbortController()
  let deadline: NodeJS.Timeout | undefined
  let grace = GRACE
  const signals = ['SIGINT', 'SIGTERM'] as const
  const supervised = isSupervised()
  const onSignal = (signal: NodeJS.Signals) => {
    const end = () => {
      release()
      process.kill(process.pid, supervised ? 'SIGKILL' : signal)
    }
    if (controller.signal.aborted) return end()
    note('Stopping at the next safe point. Ctrl-C again stops at once.')
    deadline = setTimeout(() => {
      note('No safe point was reached in time; stopped at once. What was written is whole.')
      end()
    }, grace)
    controller.abort(new LookalikeError('cli/interrupted', { problem: 'Interrupted' }))
  }
  const onMessage = (message: unknown) => {
    if (message === INTERRUPT) onSignal('SIGTERM')
  }
  const release = () => {
    clearTimeout(deadline)
    process.off('message', onMessage)
    for (const signal of signals) process.off(signal, onSignal)
  }
  if (supervised) process.on('message', onMessage)
  else for (const signal of signals) process.on(signal, onSignal)
  const allow = (milliseconds: number) => {
    grace = milliseconds
    if (supervised) process.send?.({ [GRACE_KEY]: milliseconds })
  }
  return { signal: controller.signal, release, allow }
}
