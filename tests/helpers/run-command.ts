import { spawn } from 'node:child_process'

export interface CommandResult {
  readonly code: number | null
  /** What it wrote to either stream. */
  readonly output: string
  readonly stdout: string
}

/** Runs a command in a folder; npm installs as it does for users, without downloads that nothing needs. */
export function runCommand(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    // Settings of the package manager that runs the tests are not for the projects under test.
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(npm_|pnpm_|vitest|vite_|node_env$|test$)/i.test(name)),
    )
    const child = spawn(command, args, {
      cwd,
      shell: process.platform === 'win32',
      env: { ...inherited, FORCE_COLOR: undefined, NO_COLOR: '1', CI: '1', ONNXRUNTIME_NODE_INSTALL: 'skip', ...env },
    })
    let stdout = ''
    let output = ''
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString()
      output += data.toString()
    })
    child.stderr.on('data', (data: Buffer) => (output += data.toString()))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output, stdout }))
  })
}

/** The same, where anything but success is an error that shows what was written. */
export async function mustRun(
  command: string,
  args: readonly string[],
  cwd: string,
  env?: NodeJS.ProcessEnv,
): Promise<CommandResult> {
  const result = await runCommand(command, args, cwd, env)
  if (result.code !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with exit code ${result.code}:\n${result.output.slice(-6000)}`)
  return result
}
