/** Work that a turn takes: searches that come together are one product, which this must not break up. */
const TOGETHER = 32

/**
 * Work on requests that come together goes on in groups, and between two of them the process gets to its timers and connections: all that a
 * thousand of them need would otherwise be done in one go.
 */
export function createTurns(): () => Promise<void> {
  let last = Promise.resolve()
  let taken = 0
  return () => {
    if (taken++ % TOGETHER === 0) last = last.then(() => new Promise((resolve) => setImmediate(resolve)))
    return last
  }
}
