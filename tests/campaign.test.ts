import { execFile } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = path.join(path.dirname(fileURLToPath(import.meta.url)), '../campaign/run.mjs')

interface Row {
  readonly campaign: string
  readonly tried: number
  readonly lost: number
  readonly silent: number
  readonly examples: readonly string[]
}

// Each in its short form; `pnpm campaign` runs them whole. Minutes, where much else runs.
it.each(['damage', 'failing-writes', 'random-operations', 'kills', 'company', 'soak'])(
  'the campaign "%s" of galleries loses nothing, and nothing in silence',
  async (name) => {
    const args = ['--expose-gc', run, '--short', '--json', `gallery/${name}`]
    const { stdout } = await promisify(execFile)(process.execPath, args).catch((error: { stdout: string }) => error)
    const [row] = JSON.parse(stdout) as Row[]
    expect(row).toMatchObject({ lost: 0, silent: 0, examples: [] })
    expect(row!.tried).toBeGreaterThan(0)
  },
  900_000,
)
