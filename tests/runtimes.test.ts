import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RUNTIME_PROGRAM, RUNTIME_RESULT } from '../scripts/lib/runtime-program.mjs'
import { root } from './helpers/run-cli.js'

/* The built packages on other runtimes than this one; `pnpm release:dry` installs them there, and newer Nodes, and runs the same. */

const RUNTIMES = [
  ['bun', []],
  ['deno', ['run', '--allow-all']],
] as const

const isHere = (name: string) => {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

let folder: string
/** Beside the packages, so that it finds them. */
const program = path.join(root, 'tests', `.runtime-${process.pid}.mjs`)
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lookalike-runtimes-'))
  await writeFile(program, RUNTIME_PROGRAM)
})
afterAll(async () => {
  await rm(program, { force: true })
  await rm(folder, { recursive: true, force: true })
})

describe.each(RUNTIMES)('%s', (name, start) => {
  it.skipIf(!isHere(name))(
    `indexes, searches, judges and trains (skipped where there is no ${name} on the path)`,
    () => {
      const printed = execFileSync(name, [...start, program, path.join(folder, name)], { cwd: root, encoding: 'utf8' })
      expect(JSON.parse(printed.trim().split('\n').at(-1)!)).toEqual(RUNTIME_RESULT)
    },
    600_000,
  )
})
