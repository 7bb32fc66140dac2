// Installs the workspace and builds it. Needs nothing but Node: pnpm comes from npm.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Lookalike needs Node 20.19 or newer; this is ${process.versions.node}.`)
  process.exit(1)
}

const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))

/** Runs one command in the workspace; its output goes to stderr, so that stdout stays free for results. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: { ...process.env, CI: process.env.CI ?? '1', TURBO_TELEMETRY_DISABLED: '1', npm_config_yes: 'true' },
  })
  if (error) throw error
  if (status !== 0) {
    console.error(`\nSet-up failed: "${command} ${args.join(' ')}" ended with exit code ${status}.`)
    process.exit(status ?? 1)
  }
}

// The install is skipped when nothing that it depends on is newer than its last success.
const stamp = path.join(root, 'node_modules', '.lookalike-setup')
const inputs = ['pnpm-lock.yaml', 'package.json', 'pnpm-workspace.yaml'].map((file) => path.join(root, file))
const installed = existsSync(stamp) && inputs.every((file) => statSync(file).mtimeMs <= statSync(stamp).mtimeMs)
if (!installed) {
  run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile'])
  writeFileSync(stamp, '')
}
// By way of pnpm, because turbo looks for it on the PATH.
run('npx', ['--yes', packageManager, 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only'])
