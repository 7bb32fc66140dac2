/**
 * Work on requests that come together goes on one after the other, and between two of them the process gets to its timers and connections: all that a
 * thousand of them need would otherwise be done in one go.
 */
export function createTurns(): () => Promise<void> {
  let last = Promise.resolve()
  return () => {
    last = last.then(() => new Promise((resolve) => setImmediate(resolve)))
    return last
  }
}
