import { type GalleryHit, LookalikeError, type OperationOptions } from '@lookalike/core'

/** @param threshold distance of near images; 0 for exact copies alone; undefined where it is to be proposed from the images */
export type FindDuplicates = (
  threshold: number | undefined,
  options: OperationOptions,
) => Promise<{ readonly threshold: number; readonly groups: readonly FoundDuplicates[] }>

export interface FoundDuplicates {
  readonly kind: 'exact' | 'near'
  /** Between the two that are farthest apart. */
  readonly diameter: number
  /** The one that is most worth keeping first; distances are from it. */
  readonly images: readonly GalleryHit[]
}

/** How far a search for duplicates is. */
export interface DuplicatesState {
  readonly state: 'running' | 'done'
  readonly phase: string
  readonly done: number
  readonly total: number
  /** Once it is done. */
  readonly threshold?: number
  readonly groups?: readonly FoundDuplicates[]
}

/**
 * Looks for duplicates in the background: the first question starts it, later ones say how far it is. A list is of the version of the gallery that it
 * was begun with, and is kept until the gallery changes. One is looked for at a time.
 */
export function createDuplicates(find: FindDuplicates | undefined, version: () => number) {
  let current: { key: string; controller: AbortController; state: DuplicatesState; error?: unknown } | undefined

  const start = (key: string, threshold: number | undefined) => {
    current?.controller.abort()
    const controller = new AbortController()
    const job: NonNullable<typeof current> = {
      key,
      controller,
      state: { state: 'running', phase: 'start', done: 0, total: 0 },
    }
    current = job
    const onProgress = ({ phase, done, total = 0 }: { phase: string; done: number; total?: number | undefined }) => {
      job.state = { state: 'running', phase, done, total }
    }
    find!(threshold, { signal: controller.signal, onProgress }).then(
      (found) => {
        job.state = { state: 'done', phase: 'done', done: 1, total: 1, ...found }
      },
      (error: unknown) => {
        job.error = error
      },
    )
    return job
  }

  return (threshold: number | undefined): DuplicatesState => {
    if (!find) throw new LookalikeError('serve/no-duplicates', { problem: 'This server does not look for duplicates' })
    const key = JSON.stringify([version(), threshold])
    const job = current?.key === key ? current : start(key, threshold)
    if (job.error === undefined) return job.state
    // The next question tries again.
    current = undefined
    throw job.error
  }
}
