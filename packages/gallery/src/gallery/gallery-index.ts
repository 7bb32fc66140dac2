import { createRanking, type Embeddings, type OperationOptions, type Ranking, type Warning } from '@lookalike/core'
import { catchUp, emptyIndex, type Followed, type FollowedIndex } from './followed-index.js'
import { openSavedIndex, saveIndex } from './saved-index.js'

/** An index is made again when more rows than this, and more than half as many as there are images, are dead. */
const DEAD_ROWS = 1024

/** An engine's index that follows a store. */
export interface GalleryIndex {
  /** Brings it up to date. */
  prepare(options?: OperationOptions): Promise<void>
  /** The nearest rows of the store, as the engine finds them: it may find fewer than there are. */
  search(
    queries: Embeddings,
    k: number,
    options?: OperationOptions & { readonly allow?: ((position: number) => boolean) | undefined },
  ): Promise<Ranking[]>
  /** Keeps it beside the store where the engine can, if there is anything new. A failure is a warning: the vectors have everything. */
  save(): Promise<void>
  dispose(): Promise<void>
}

export function createGalleryIndex(
  folder: string,
  followed: Followed,
  onWarning: (warning: Warning) => void,
): GalleryIndex {
  let opened: FollowedIndex | undefined
  let queue: Promise<unknown> = Promise.resolve()

  async function follow(options: OperationOptions = {}): Promise<FollowedIndex> {
    opened ??= (await openSavedIndex(folder, followed, onWarning)) ?? (await emptyIndex(followed))
    await catchUp(opened, followed, options)
    const { index, removed } = opened
    if (removed.size > DEAD_ROWS && removed.size > index.size / 2) {
      const again = await emptyIndex(followed)
      try {
        await catchUp(again, followed, options)
      } catch (error) {
        await again.index.dispose()
        throw error
      }
      opened = again
      await index.dispose()
    }
    return opened
  }

  /** One after the other: an index that is searched is not changed, nor put away. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = queue.then(work)
    queue = done.catch(() => undefined)
    return done
  }

  return {
    prepare: (options) => inTurn(async () => void (await follow(options))),
    search: (queries, k, { allow, ...options } = {}) =>
      inTurn(async () => {
        const { index, rows } = await follow(options)
        if (rows.skipped.length === 0) return index.search(queries, k, { ...options, allow })
        const allowRow = allow && ((row: number) => allow(rows.positionOf(row)))
        const rankings = await index.search(queries, k, { ...options, allow: allowRow })
        return rankings.map(({ positions, distances }) =>
          createRanking(
            positions.map((row) => rows.positionOf(row)),
            distances,
          ),
        )
      }),
    save: () =>
      inTurn(async () => {
        if (opened?.index.save && opened.changed) await saveIndex(folder, followed, opened, onWarning)
      }),
    dispose: () =>
      inTurn(async () => {
        await opened?.index.dispose()
        opened = undefined
      }),
  }
}
