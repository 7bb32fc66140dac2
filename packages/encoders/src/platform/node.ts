import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Platform } from './platform.js'

export const platform: Platform = {
  async sha256(parts) {
    const hash = createHash('sha256')
    for (const part of parts) hash.update(part)
    return hash.digest('hex')
  },
  breathe: () => setImmediate(),
  notes(folder, name) {
    const file = folder === undefined ? undefined : join(folder, 'model-checks', name)
    return {
      read: async () => (file === undefined ? undefined : readFile(file).catch(() => undefined)),
      async write(bytes) {
        if (file === undefined) return
        // One name for all: what a killed process leaves is written over by the next.
        const unfinished = `${file}.tmp`
        try {
          await mkdir(dirname(file), { recursive: true })
          await writeFile(unfinished, bytes)
          await rename(unfinished, file)
        } catch {
          await rm(unfinished, { force: true }).catch(() => undefined)
        }
      },
    }
  },
}
