import { closedGallery } from '@lookalike/core/gallery'

/** Who waits for whom: changes come one after the other, looks run beside each other and beside changes. */
export interface Turns {
  /** @throws `gallery/closed` */
  change<T>(work: () => Promise<T>): Promise<T>
  /** @throws `gallery/closed` */
  look<T>(work: () => Promise<T>): Promise<T>
  /** Resolves when every look that is under way now is done. */
  looksDone(): Promise<void>
  /** The last thing, once everything else is done. A second call waits for the first. */
  close(work: () => Promise<void>): Promise<void>
}

export function createTurns(folder: string): Turns {
  let queue: Promise<unknown> = Promise.resolve()
  let closing: Promise<void> | undefined
  const looks = new Set<Promise<unknown>>()

  const assertOpen = () => {
    if (closing) throw closedGallery(folder)
  }
  const looksDone = async () => void (await Promise.allSettled(looks))

  return {
    async change(work) {
      assertOpen()
      const done = queue.then(work)
      queue = done.catch(() => undefined)
      return done
    },
    async look(work) {
      assertOpen()
      const done = work()
      looks.add(done)
      try {
        return await done
      } finally {
        looks.delete(done)
      }
    },
    looksDone,
    close(work) {
      closing ??= queue.then(looksDone).then(work)
      return closing
    },
  }
}
