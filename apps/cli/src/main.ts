#!/usr/bin/env node

// A reader that goes away early (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const argv = process.argv.slice(2)
if (argv.length === 1 && ['--help', '-h', 'help'].includes(argv[0]!)) {
  // Nothing else is loaded for it.
  const { overview } = await import('./overview.js')
  process.stdout.write(`${overview()}\n`)
} else {
  const { run } = await import('./run.js')
  process.exitCode = await run(argv)
}

export {}
