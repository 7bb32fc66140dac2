import {
  createEmbeddings,
  type Embeddings,
  type GalleryHit,
  type ImageRequest,
  LookalikeError,
  type Warning,
} from '@lookalike/core'
import { describeSource } from '@lookalike/image'
import type { ModelRecipe, PooledModel, SentResult, TaskKind } from './messages.js'
import { createLanes, type Lanes } from './pool-lanes.js'
import { startProcesses } from './pool-processes.js'
import { createTask, settleTask, type Task } from './pool-tasks.js'
import { type PoolList, sentImage } from './sent-list.js'

export interface EncoderPoolOptions {
  /** Processes, each with a model of its own. Default: 1, which uses all processors (ours). */
  readonly workers?: number | undefined
  /** Images that are embedded at once, at most. Default: what the encoder likes, at most 16 (ours). */
  readonly batchSize?: number | undefined
  /** Milliseconds that an image waits for others to be embedded with. Default: 2 (ours). */
  readonly wait?: number | undefined
  /** Images that may wait; one more is refused with `pool/busy`. Default: 256 (ours). */
  readonly maxQueue?: number | undefined
  /**
   * Milliseconds after which a process that has not finished an image is killed and replaced; one that reranks, when nothing was heard of it
   * for so long. Default: 30,000 (ours).
   */
  readonly deadline?: number | undefined
  /** `pool/worker-replaced` */
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

export interface PoolTaskOptions {
  readonly signal?: AbortSignal | undefined
}

/** One embedded image. */
export interface PooledEmbedding {
  /** One row. */
  readonly embeddings: Embeddings
  /** Larger = less sure; only of gallery images, only where the model has one. */
  readonly uncertainty?: number | undefined
  /** By name, one row each; only of gallery images, only of the model's `members`. */
  readonly members?: Readonly<Record<string, Embeddings>> | undefined
  /** As `hashImage` gives it; only of gallery images. */
  readonly hash?: string | undefined
  /** What should be known of the image, `image/truncated` say. */
  readonly warnings: readonly Warning[]
}

export interface PoolState {
  /** Processes that can embed now. */
  readonly ready: number
  /** Images that wait. */
  readonly queued: number
  /** Images that are being worked on. */
  readonly running: number
  /** Processes that were replaced so far. */
  readonly replaced: number
}

/** A list in its new order. */
export interface PooledReranking {
  readonly hits: readonly GalleryHit[]
  /** What should be known of it, `reranker/no-candidate-image` say. */
  readonly warnings: readonly Warning[]
}

/** Embeds images and reranks lists in processes of its own: the event loop stays free, and what hangs or crashes is replaced. */
export interface EncoderPool extends PooledModel {
  /**
   * @throws the codes of image reading, `pool/busy` when too many images wait, `pool/deadline`, `pool/worker-ended`, `pool/disposed`, the signal's
   * reason
   */
  embed(image: ImageRequest, role: 'query' | 'gallery', options?: PoolTaskOptions): Promise<PooledEmbedding>
  /**
   * A small JPEG, at most `edge` pixels on its longer edge, with the hash of the image that it was made of.
   *
   * @throws as `embed` does
   */
  thumbnail(
    image: ImageRequest,
    edge: number,
    options?: PoolTaskOptions,
  ): Promise<{ readonly picture: Uint8Array; readonly hash: string }>
  /**
   * A list through the recipe's rerankers.
   *
   * @throws `reranker/no-image`, the codes of rerankers and of the gallery, and as `embed` does
   */
  rerank(list: PoolList, options?: PoolTaskOptions): Promise<PooledReranking>
  state(): PoolState
  /** Kills the processes; what is under way fails with `pool/disposed`. */
  dispose(): Promise<void>
}

/** Images of a batch at most, where the encoder would take more. */
const MOST_AT_ONCE = 16

/**
 * Starts the processes and waits until they can embed.
 *
 * @throws what making the model throws: the codes of its plugins
 *
 * @example
 * const pool = await createEncoderPool({ encoder: 'builtin', plugins: ['@lookalike/encoders'], folder: process.cwd() })
 * const { embeddings } = await pool.embed({ source: 'cat.jpg' }, 'query')
 * await pool.dispose()
 */
export async function createEncoderPool(recipe: ModelRecipe, options: EncoderPoolOptions = {}): Promise<EncoderPool> {
  const { workers: count = 1, wait = 2, maxQueue = 256, deadline = 30_000, onWarning } = options
  checkNumbers({ workers: count, batchSize: options.batchSize ?? 1, maxQueue, deadline })
  let disposed = false
  let lanes: Lanes | undefined
  const processes = await startProcesses(recipe, {
    count,
    deadline,
    onWarning,
    onFree: () => lanes?.dispatch(),
    /** One that was alone failed by itself; of several it is not known which one it was, and each gets another chance, alone. */
    onFailed(tasks, errorOf) {
      const open = tasks.filter(({ settled }) => !settled)
      if (tasks.length === 1) for (const task of open) settleTask(task, () => task.reject(errorOf(task.name)))
      else {
        for (const task of open) task.alone = true
        lanes?.putBack(open)
      }
      lanes?.dispatch()
    },
    onHopeless(error) {
      for (const task of lanes?.takeAll() ?? []) settleTask(task, () => task.reject(error))
    },
  })
  const { batchSize: liked, ...known } = processes.model
  const waiting = createLanes(processes, { wait, batchSize: options.batchSize ?? Math.min(liked, MOST_AT_ONCE) })
  lanes = waiting

  const submit = (work: Task['work'], name: string, { signal }: PoolTaskOptions) =>
    new Promise<SentResult>((resolve, reject) => {
      signal?.throwIfAborted()
      if (disposed) throw isDisposed()
      if (waiting.length >= maxQueue) throw busy(maxQueue)
      const onAbort = (task: Task) => {
        waiting.remove(task)
        processes.cancel(task)
      }
      waiting.add(createTask(work, name, { signal, onAbort }, { resolve, reject }))
      waiting.dispatch()
    })
  const submitImage = (kind: TaskKind, request: ImageRequest, task: PoolTaskOptions, edge?: number) =>
    submit({ kind, image: sentImage(request, edge) }, describeSource(request.source), task)

  return {
    ...known,
    embed: async (image, role, task = {}) => toEmbedding(known, role, await submitImage(role, image, task)),
    async thumbnail(image, edge, task = {}) {
      const { picture, hash } = await submitImage('thumbnail', image, task, edge)
      return { picture: picture!, hash: hash! }
    },
    async rerank(list, task = {}) {
      const { order, distances, warnings = [] } = await submit({ kind: 'rerank', list }, 'A list to rerank', task)
      const hits = Array.from(order!, (place, i) => ({ ...list.hits[place]!, distance: distances![i]! }))
      return { hits, warnings }
    },
    state: () => ({
      ready: processes.ready,
      queued: waiting.length,
      running: processes.held().length,
      replaced: processes.replaced,
    }),
    async dispose() {
      disposed = true
      const open = [...waiting.takeAll(), ...processes.held()]
      processes.kill()
      for (const task of open) settleTask(task, () => task.reject(isDisposed()))
    },
  }
}

/** As the process sent it, with the spaces that it belongs to. */
function toEmbedding(
  { dim, space, symmetric, members: named }: PooledModel,
  role: 'query' | 'gallery',
  { vector, members, uncertainty, hash, warnings = [] }: SentResult,
): PooledEmbedding {
  const row = (data: Float32Array, of: { dim: number; space: string; role: 'query' | 'gallery' | 'any' }) =>
    createEmbeddings({ data, rows: 1, ...of } as Parameters<typeof createEmbeddings>[0])
  return {
    embeddings: row(vector!, { dim, space, role: symmetric ? 'any' : role }),
    uncertainty,
    hash,
    warnings,
    members:
      members &&
      Object.fromEntries(
        named!.map((of) => [of.name, row(members[of.name]!, { dim: of.dim, space: of.space, role: 'any' })]),
      ),
  }
}

function checkNumbers(numbers: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(numbers))
    if (!Number.isInteger(value) || value < 1)
      throw new LookalikeError('pool/options', {
        problem: `${name} is ${value}`,
        expected: 'a whole number above 0',
      })
}

const busy = (maxQueue: number) =>
  new LookalikeError(
    'pool/busy',
    {
      problem: `${maxQueue} images wait to be embedded already`,
      fix: 'Try again later, or raise maxQueue.',
    },
    { fields: { maxQueue } },
  )

const isDisposed = () => new LookalikeError('pool/disposed', { problem: 'The encoder pool was disposed' })
