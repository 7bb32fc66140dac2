/** Work on one id is done one after the other, on different ids side by side. */
export function createTurnsById(): <T>(id: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return (id, work) => {
    const done = (last.get(id) ?? Promise.resolve()).then(work)
    const settled: Promise<void> = done.then(leave, leave)
    last.set(id, settled)
    function leave(): void {
      if (last.get(id) === settled) last.delete(id)
    }
    return done
  }
}
