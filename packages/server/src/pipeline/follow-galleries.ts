import { watch } from 'node:fs'
import path from 'node:path'
import { type Gallery, isLookalikeError, toWarning, type Warning } from '@lookalike/core'
import type { Service } from '../service/create-service.js'

/** Milliseconds between two looks for what another process has added. */
const LOOK = 2000
/** A writer changes several files; the look comes when it is done. */
const SETTLE = 50

/** Brings the gallery up to date whenever its files change, and now and then. */
export function followGalleries(
  service: Service,
  galleries: readonly Gallery[],
  onWarning?: (warning: Warning) => void,
): () => Promise<void> {
  let looking: Promise<void> = Promise.resolve()
  let failed: string | undefined
  const look = () => {
    looking = looking.then(async () => {
      try {
        await service.refresh()
        failed = undefined
      } catch (error) {
        // It goes on with what it has, and says so once.
        const code = isLookalikeError(error) ? error.code : 'internal/unexpected'
        if (code !== failed) onWarning?.(toWarning(error))
        failed = code
      }
    })
  }
  let soon: NodeJS.Timeout | undefined
  const timer = setInterval(look, LOOK)
  const watchers = galleries.map(({ folder }) =>
    folder === undefined
      ? undefined
      : watchFolder(folder, () => {
          clearTimeout(soon)
          soon = setTimeout(look, SETTLE)
        }),
  )
  return async () => {
    clearInterval(timer)
    clearTimeout(soon)
    for (const watcher of watchers) watcher?.close()
    await looking
  }
}

/** Where folders cannot be watched, the timer does. */
function watchFolder(folder: string, onChange: () => void) {
  try {
    const watcher = watch(path.resolve(folder), onChange)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return undefined
  }
}
