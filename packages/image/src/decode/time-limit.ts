/** Runs pieces of work that together may take so long, waiting between them not counted. */
export interface TimeLimit {
  /**
   * @throws what `expired` makes when the time is over, the signal's reason when it is aborted; in both cases at once, after
   * `stop()`, without waiting for the work
   */
  run<T>(work: () => Promise<T>, stop: () => void): Promise<T>
}

export function createTimeLimit(milliseconds: number, expired: () => Error, signal?: AbortSignal): TimeLimit {
  let left = milliseconds
  return {
    async run(work, stop) {
      signal?.throwIfAborted()
      const start = performance.now()
      let cleanUp = () => {}
      const interrupted = new Promise<never>((_, reject) => {
        const leave = (error: unknown) => {
          stop()
          reject(error)
        }
        const onAbort = () => leave(signal!.reason)
        const timer = setTimeout(() => leave(expired()), Math.max(0, left))
        signal?.addEventListener('abort', onAbort, { once: true })
        cleanUp = () => {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
        }
      })
      const working = work()
      // Whichever comes second is of no interest any more.
      working.catch(() => {})
      interrupted.catch(() => {})
      try {
        return await Promise.race([working, interrupted])
      } finally {
        cleanUp()
        left -= performance.now() - start
      }
    },
  }
}
