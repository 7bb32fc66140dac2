// Installs packages with plain npm into an empty project, and runs a program with them on the given runtime.
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The script behind "npm", which any Node can run. */
async function npmCli() {
  const { stdout } = await execute('npm', ['root', '--global'], { shell: process.platform === 'win32' })
  return path.join(stdout.trim(), 'npm', 'bin', 'npm-cli.js')
}

/**
 * Makes the project, installs the subset from the server and runs its program.
 *
 * @returns what the program printed.
 */
export async function installSubset(folder, { packages, program }, server, [runtime, ...start] = [process.execPath]) {
  await mkdir(folder, { recursive: true })
  await writeFile(
    path.join(folder, '.npmrc'),
    `${server.npmrc}prefer-offline=true\naudit=false\nfund=false\nprogress=false\n`,
  )
  await writeFile(path.join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  await writeFile(path.join(folder, 'program.mjs'), program)
  // Settings of the package manager that runs this are not for the project.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_)/i.test(name)))
  const options = { cwd: folder, env: { ...env, ONNXRUNTIME_NODE_INSTALL: 'skip', NO_COLOR: '1' }, maxBuffer: 2 ** 26 }
  await execute(process.execPath, [await npmCli(), 'install', ...packages], options)
  const { stdout } = await execute(runtime, [...start, 'program.mjs'], options)
  return { output: stdout }
}
