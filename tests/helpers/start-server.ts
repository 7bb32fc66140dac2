import { spawn } from 'node:child_process'
import path from 'node:path'
import { root } from './run-cli.js'

export interface StartedServer {
  /** Without a slash at the end. */
  readonly url: string
  readonly log: () => readonly Record<string, unknown>[]
  readonly errors: () => string
  readonly pid: number
  /** @returns the exit code, or the signal that ended it */
  stop(signal?: NodeJS.Signals): Promise<number | string>
}

/** `lookalike serve` of the built command, on a free port. */
export async function startServer(
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<StartedServer> {
  const main = path.join(root, 'apps/cli/dist/main.js')
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1', ...env },
  })
  let stderr = ''
  let stdout = ''
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()))
  const ended = new Promise<number | string>((resolve) =>
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 0)),
  )
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data: Buffer) => {
      stdout += data.toString()
      const found = /Serving at (http:\S+)\//.exec(stdout)
      if (found) resolve(found[1]!)
    })
    void ended.then((code) => reject(new Error(`It ended with ${code}: ${stderr}`)))
  })
  return {
    url,
    pid: child.pid!,
    errors: () => stderr,
    log: () =>
      stderr
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    async stop(signal = 'SIGINT') {
      child.kill(signal)
      return ended
    },
  }
}
