#!/usr/bin/env node
import { run } from './run.js'

process.exitCode = await run(process.argv.slice(2), {
  interactive: Boolean(process.stdin.isTTY && process.stdout.isTTY),
  print: (text) => console.log(text),
  printError: (text) => console.error(text),
})
