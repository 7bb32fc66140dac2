import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.js'

const built = new Map<string, Promise<string>>()

/** Starts the `src/testing/writer.ts` of a package, built from the sources. Its dependencies are that package's. */
export async function startWriter(file: URL, ...args: readonly string[]): Promise<ChildProcess> {
  const made = built.get(file.href) ?? bundle(file, fileURLToPath(new URL('../../node_modules/.test-writer', file)))
  built.set(file.href, made)
  return spawn(process.execPath, [await made, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}
