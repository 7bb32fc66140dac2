// Mutation tests of one part: `pnpm mutation losses`. The parts stand in stryker.config.mjs.
import { spawnSync } from 'node:child_process'

const [part = '', ...rest] = process.argv.slice(2)
const { status } = spawnSync('npx', ['stryker', 'run', ...rest], {
  stdio: 'inherit',
  env: { ...process.env, MUTATION: part },
})
process.exit(status ?? 1)
