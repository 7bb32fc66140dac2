#!/usr/bin/env node
import { followSupervisor, isSupervised, supervise } from './supervise.js'

// A reader that goes away early (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE')
    process.stderr.write(`error: The output cannot be written: ${error.message}. Free some disk space. [cli/output]\n`)
  process.exit(error.code === 'EPIPE' ? 0 : 1)
})

/** Commands that run native code or plugins, or open a gallery. */
const WORK = [
  'check-gradients',
  'cluster',
  'doctor',
  'duplicates',
  'embed',
  'evaluate',
  'export',
  'import',
  'index',
  'init',
  'label',
  'merge',
  'plugins',
  'reject',
  'remove',
  'report',
  'schema',
  'search',
  'serve',
  'train',
  'upgrade',
  'verify',
  'work',
]
/** A debugger waits for this process, not for another. */
const isDebugged = process.execArgv.some((option) => option.startsWith('--inspect'))

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--help', '-h', 'help'].includes(argv[0]!)) {
  // Nothing else is loaded for it.
  const { overview } = await import('./overview.js')
  process.stdout.write(`${overview()}\n`)
} else if (WORK.includes(argv[0]!) && !isSupervised() && !isDebugged) {
  process.exitCode = await supervise(argv)
} else {
  if (isSupervised()) followSupervisor()
  const { run } = await import('./run.js')
  process.exitCode = await run(argv)
}
