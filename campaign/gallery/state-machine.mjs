import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createTally } from '../lib/tally.mjs'

export default {
  name: 'gallery: random commands against a plain model, by fast-check, shrunk where they fail',
  async run({ short }) {
    const tally = createTally()
    const runs = short ? 12 : 1000
    const { status, stdout, stderr } = spawnSync(
      'npx',
      ['--no', 'vitest', 'run', 'packages/gallery/src/gallery/state-machine.test.ts', '--reporter=default'],
      {
        cwd: fileURLToPath(new URL('../..', import.meta.url)),
        encoding: 'utf8',
        env: { ...process.env, LOOKALIKE_RUNS: String(runs) },
        shell: process.platform === 'win32',
      },
    )
    tally.add(status === 0 ? 'survived' : 'silent', `${stdout}${stderr}`.slice(-3000))
    return { ...tally, note: `${runs} sequences of up to 40 commands with each of exact, usearch, mapped` }
  },
}
