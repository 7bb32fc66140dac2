import { existsSync, readFileSync } from 'node:fs'

/** The version of this package; its manifest lies one folder above, in the sources as in the build. */
export const VERSION = readVersion()

function readVersion(): string {
  const file = new URL('../package.json', import.meta.url)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version : 'unknown'
}
