import { stat } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'

export interface WatchImagesOptions {
  /** Ends the watching. */
  readonly signal: AbortSignal
  /** Folders that are passed over, absolute. */
  readonly except?: readonly string[] | undefined
  /** Milliseconds without any change before the change is told, and without growth before a file counts as written. Default 1,000. */
  readonly quiet?: number | undefined
  /** Called when everything is watched. */
  readonly onReady?: (() => void) | undefined
}

/** As often as a file that grows is looked at, in a period of quiet. */
const LOOKS = 4

/**
 * Watches folders and files, and calls `onChange` after a while without any change: for what came, changed and went in between, once. While `onChange` works,
 * what happens is gathered for the next call. A file that is still being written is waited for. Resolves when the signal aborts, after the last call.
 *
 * @param onChange what it rejects with ends the watching
 * @throws `watch/not-found`, `watch/limit` where the system does not let so many folders be watched
 *
 * @example
 * await watchImages(['photos'], async () => void (await pipeline.index('photos', { prune: true })), { signal })
 */
export async function watchImages(
  paths: readonly string[],
  onChange: (changed: readonly string[]) => Promise<void>,
  { signal, except = [], quiet = 1000, onReady }: WatchImagesOptions,
): Promise<void> {
  for (const each of paths) {
    if (await stat(each).catch(() => undefined)) continue
    throw new LookalikeError('watch/not-found', { problem: `There is nothing at ${path.resolve(each)} to be watched` })
  }
  const { watch } = await import('chokidar')
  const passedOver = new Set(except.map((each) => path.resolve(each)))
  const given = new Set(paths.map((each) => path.resolve(each)))
  const watcher = watch(
    paths.map((each) => path.resolve(each)),
    {
      ignoreInitial: true,
      followSymlinks: true,
      awaitWriteFinish: { stabilityThreshold: quiet, pollInterval: Math.max(10, Math.floor(quiet / LOOKS)) },
      ignored: (file) => passedOver.has(file) || (!given.has(file) && path.basename(file).startsWith('.')),
    },
  )
  const changed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let working: Promise<void> | undefined
  try {
    await new Promise<void>((resolve, reject) => {
      const work = async () => {
        const now = [...changed].sort()
        changed.clear()
        await onChange(now)
        working = undefined
        if (changed.size > 0) schedule()
      }
      const schedule = () => {
        clearTimeout(timer)
        if (working || signal.aborted) return
        timer = setTimeout(() => {
          working = work()
          working.catch(reject)
        }, quiet)
      }
      watcher.on('all', (event, file) => {
        if (event === 'addDir') return
        changed.add(file)
        schedule()
      })
      watcher.on('error', (error) => reject(watchFailed(error)))
      watcher.on('ready', () => onReady?.())
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  } finally {
    clearTimeout(timer)
    await watcher.close()
    await working?.catch(() => undefined)
  }
}

function watchFailed(cause: unknown): unknown {
  const { code } = cause as NodeJS.ErrnoException
  if (code !== 'ENOSPC' && code !== 'EMFILE') return cause
  return new LookalikeError(
    'watch/limit',
    {
      problem: `The system does not let so many folders be watched (${code})`,
      fix: 'Watch fewer, or raise the limit: sysctl fs.inotify.max_user_watches, ulimit -n.',
    },
    { cause },
  )
}
