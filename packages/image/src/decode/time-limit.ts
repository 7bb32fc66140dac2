/** What runs elsewhere and can be ended. */
export interface Killable {
  /** Milliseconds of processor time that the running piece of work has taken. */
  spent(): number
  kill(): void
}

/** Runs pieces of work that together may take so much processor time. */
export interface TimeLimit {
  /**
   * @param runner who does the work. Without it only the signal ends the waiting: work of this process cannot be stopped.
   * @throws what `expired` makes when the time is over, the signal's reason when it is aborted; in both cases at once, after
   * the runner was killed, without waiting for the work
   */
  run<T>(work: () => Promise<T>, runner?: Killable): Promise<T>
}

/** A busy machine gives a process less than its time; one that waits for ever takes none. */
const CLOCK_FACTOR = 6

/** The time of a processor counts, not that of the clock, so that a busy machine refuses no image; on the clock it may be six times as long. */
export function createTimeLimit(milliseconds: number, expired: () => Error, signal?: AbortSignal): TimeLimit {
  let left = milliseconds
  return {
    async run(work, runner) {
      signal?.throwIfAborted()
      const start = performance.now()
      let cleanUp = () => {}
      const interrupted = new Promise<never>((_, reject) => {
        const leave = (error: unknown) => {
          runner?.kill()
          reject(error)
        }
        const onAbort = () => leave(signal!.reason)
        let timer: NodeJS.Timeout | undefined
        const check = (watched: Killable) => {
          const most = Math.min(left - watched.spent(), CLOCK_FACTOR * left - (performance.now() - start))
          if (most <= 0) leave(expired())
          else timer = setTimeout(check, Math.max(most, 50), watched)
        }
        if (runner) timer = setTimeout(check, Math.max(left, 0), runner)
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
        if (runner) left -= runner.spent()
      }
    },
  }
}
