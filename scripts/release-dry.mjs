// Everything of a release but publishing: builds, packs, checks each package with publint and attw, installs the packages with plain npm, and runs
// on each supported Node, Bun and Deno a program of every part there: `pnpm release:dry [--keep]`.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { installSubset } from './lib/install-subset.mjs'
import { packPackages, root } from './lib/pack-packages.mjs'
import { RUNTIME_PROGRAM } from './lib/runtime-program.mjs'
import { servePackages } from './lib/serve-packages.mjs'
import { SUBSETS } from './lib/subsets.mjs'

/** Every supported line of Node, and the other runtimes: each from the npm packages that hold its program for this system. */
const { platform, arch } = process
const system = `${{ win32: 'win' }[platform] ?? platform}-${arch}`
const libc = platform === 'linux' ? '-glibc' : ''
const exe = platform === 'win32' ? '.exe' : ''
const RUNTIMES = [
  ...['20', '22', '24', '26'].map((version) => ({
    name: `Node ${version}`,
    packages: [`node-${system}@${version}`],
    program: [`node-${system}/bin/node${exe}`],
  })),
  { name: 'Bun', packages: ['bun'], program: ['bun/bin/bun.exe'] },
  { name: 'Deno', packages: ['deno'], program: [`@deno/${platform}-${arch}${libc}/deno${exe}`, 'run', '--allow-all'] },
]

const execute = promisify(execFile)
const seconds = (from) => `${((performance.now() - from) / 1000).toFixed(0)} s`
const say = (text) => console.log(text)
const failures = []

/** Runs one step; what fails is told at the end, so that one run shows all of it. */
async function step(title, work) {
  const from = performance.now()
  try {
    const result = await work()
    say(`✓ ${title} (${seconds(from)})${typeof result === 'string' ? `: ${result}` : ''}`)
    return result
  } catch (error) {
    failures.push(title)
    say(
      `✗ ${title} (${seconds(from)})\n${[error.stdout, error.stderr].filter(Boolean).join('\n').trim() || error.stack}`,
    )
    return undefined
  }
}

const run = (command, args, options = {}) =>
  execute(command, args, { cwd: root, maxBuffer: 2 ** 26, shell: process.platform === 'win32', ...options })
/** A command that this workspace has installed. */
const tool = (name, ...args) => run('npx', ['--no', name, ...args], { env: { ...process.env, NO_COLOR: '1' } })

/** Prints all that a release of every part has to do, in one process. */
const SMOKE = `
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
const programs = ${JSON.stringify({ ...Object.fromEntries(SUBSETS.map(({ name, program }) => [name, program])), service: RUNTIME_PROGRAM })}
const results = globalThis.Deno ? { deno: Deno.version.deno } : process.versions.bun ? { bun: process.versions.bun } : { node: process.versions.node }
const start = globalThis.Deno ? ['run', '--allow-all'] : []
for (const [name, program] of Object.entries(programs)) {
  writeFileSync(name + '.mjs', program)
  const { status, stdout, stderr } = spawnSync(process.execPath, [...start, name + '.mjs'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(name + ' failed:\\n' + stderr)
  results[name] = JSON.parse(stdout)
}
const lookalike = (...args) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...start, 'node_modules/@lookalike/cli/dist/main.js', ...args, '--json'], { encoding: 'utf8' })
  if (status !== 0) throw new Error('lookalike ' + args.join(' ') + ' failed:\\n' + stderr + stdout)
  return JSON.parse(stdout)
}
results.indexed = lookalike('index', './photos').images
results.found = lookalike('search', 'photos/stripes/0.png', '-k', '4')[0].results.map(({ metadata }) => metadata.label)
if (results.found.some((label) => label !== 'stripes')) throw new Error('found ' + results.found)
const wanted = ['onnxruntime-node', 'sharp', 'usearch', 'tensorflow.js']
results.doctor = Object.fromEntries(lookalike('doctor').findings.filter(({ check }) => wanted.includes(check)).map(({ check, status, detail }) => [check, status + ', ' + detail]))
for (const check of wanted) if (!results.doctor[check]?.startsWith('ok')) throw new Error(check + ': ' + results.doctor[check])
console.log(JSON.stringify(results))
`

const folder = await mkdtemp(path.join(tmpdir(), 'lookalike-release-'))
let server
try {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  await step('build', () =>
    run('npx', ['--yes', packageManager, 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only']).then(
      () => undefined,
    ),
  )
  const packages = await step('pack', async () => {
    const packed = await packPackages(path.join(folder, 'packed'))
    const problems = packed.flatMap((each) => each.problems)
    if (problems.length > 0) throw new Error(problems.join('\n'))
    return packed
  })
  if (packages) {
    for (const { name, file, packed } of packages) {
      await step(`${name}: publint and attw`, async () => {
        await tool('publint', 'run', file, '--strict')
        await tool('attw', file, '--profile', 'esm-only', '--no-emoji')
        return `${(packed / 1024).toFixed(0)} KiB`
      })
    }
    server = await servePackages(packages)
    for (const { name, packages: holders, program } of RUNTIMES) {
      const home = path.join(folder, name.toLowerCase().replace(' ', '-'))
      mkdirSync(home, { recursive: true })
      const [file, ...options] = program
      const command = path.join(home, 'node_modules', file)
      // Without scripts: none of them is needed where the program is a package of its own.
      const got = await run('npm', ['install', '--prefix', home, '--no-audit', '--no-fund', ...holders]).catch(
        (error) => error,
      )
      if (!existsSync(command)) {
        say(`- ${name} is not to be had here and was left out: ${String(got.stderr).trim().split('\n').at(-1)}`)
        continue
      }
      await step(`installed and used on ${name}`, async () => {
        const { output } = await installSubset(
          path.join(home, 'project'),
          {
            packages: packages.map(({ name, file }) => (name.startsWith('@lookalike/') ? name : file)),
            program: SMOKE,
          },
          server,
          [command, ...options],
        )
        return output.trim()
      })
    }
  }
} finally {
  await server?.close()
  if (process.argv.includes('--keep')) say(`Kept ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
}
say(failures.length === 0 ? '\nReady to publish.' : `\n${failures.length} failed: ${failures.join('; ')}`)
process.exitCode = failures.length === 0 ? 0 : 1
