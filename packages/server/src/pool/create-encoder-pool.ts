import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  createEmbeddings,
  type Embeddings,
  type GalleryHit,
  type ImageRequest,
  LookalikeError,
  type Warning,
} from '@lookalike/core'
import { describeSource } from '@lookalike/image'
import {
  type FromWorker,
  type ModelRecipe,
  type PooledModel,
  receiveError,
  type SentImage,
  type SentResult,
  sendError,
  type TaskKind,
  type ToWorker,
} from './messages.js'
import { answerQuestion, type PoolList, sentImage, sentList } from './sent-list.js'
import { startWorker, type Worker, workerEnded } from './start-worker.js'

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

/** Batches that a process has at once: it reads one while its model works on the other. */
const AHEAD = 2
const MOST_AT_ONCE = 16
/** Failed starts in a row after which what waits is given up. */
const STARTS = 3

interface Task {
  readonly work:
    | { readonly kind: TaskKind; readonly image: SentImage }
    | { readonly kind: 'rerank'; readonly list: PoolList }
  readonly name: string
  readonly since: number
  readonly resolve: (result: SentResult) => void
  readonly reject: (error: unknown) => void
  /** Something failed that it was a part of: the next time it goes alone, and it is its own fault. */
  alone: boolean
  settled: boolean
}

interface Batch {
  readonly number: number
  readonly tasks: readonly Task[]
}

interface Slot {
  worker: Worker
  ready: boolean
  readonly batches: Map<number, Batch>
  /** Runs out when the first of its batches takes too long. */
  timer: NodeJS.Timeout | undefined
  /** Why it was killed by this pool. */
  late: boolean
}

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
  const { workers: count = 1, wait = 2, maxQueue = 256, deadline = 30_000 } = options
  checkNumbers({ workers: count, batchSize: options.batchSize ?? 1, maxQueue, deadline })
  const program = programFile()
  const images: Task[] = []
  const lists: Task[] = []
  const slots = new Set<Slot>()
  let model: (PooledModel & { readonly batchSize: number }) | undefined
  let number = 0
  let replaced = 0
  let failedStarts = 0
  let disposed = false
  let waiting: NodeJS.Timeout | undefined

  const start = (): Slot => {
    const slot: Slot = {
      worker: startWorker(program, recipe, {
        onMessage: (message) => receive(slot, message),
        onEnd: (why) => ended(slot, why),
      }),
      ready: false,
      batches: new Map(),
      timer: undefined,
      late: false,
    }
    slots.add(slot)
    slot.worker.ready.then(
      (made) => {
        if (model && made.space !== model.space) return slot.worker.kill()
        model ??= made
        slot.ready = true
        failedStarts = 0
        dispatch()
      },
      () => {},
    )
    return slot
  }

  const ended = (slot: Slot, why: string) => {
    clearTimeout(slot.timer)
    slots.delete(slot)
    const held = [...slot.batches.values()].flatMap(tasksOf)
    slot.batches.clear()
    if (disposed || !model) return
    const wasReady = slot.ready
    failTasks(held, (name) => (slot.late ? tooLate(name, deadline) : workerEnded(why)))
    replaced++
    if (!wasReady) failedStarts++
    options.onWarning?.({
      code: 'pool/worker-replaced',
      message: `A process that embeds images ${slot.late ? 'took too long' : `ended (${why})`} and is replaced.`,
      fields: { why: slot.late ? 'deadline' : why },
    })
    if (failedStarts >= STARTS)
      for (const task of [...images.splice(0), ...lists.splice(0)])
        settleTask(task, () => task.reject(workerEnded(why)))
    // One that cannot start is not tried without a pause.
    setTimeout(() => !disposed && slots.size < count && start(), failedStarts * 500).unref()
  }

  /** One that was alone failed by itself; of several it is not known which one it was, and each gets another chance, alone. */
  const failTasks = (tasks: readonly Task[], errorOf: (name: string) => unknown) => {
    const open = tasks.filter(({ settled }) => !settled)
    if (tasks.length === 1) for (const task of open) settleTask(task, () => task.reject(errorOf(task.name)))
    else {
      for (const task of open) task.alone = true
      images.unshift(...open.filter((task) => !isList(task)))
      lists.unshift(...open.filter(isList))
    }
    dispatch()
  }

  const receive = (slot: Slot, message: Extract<FromWorker, { batch: number }>) => {
    const batch = slot.batches.get(message.batch)
    if (!batch) return
    if (message.type === 'ask') {
      void answer(slot, batch, message)
      return
    }
    slot.batches.delete(message.batch)
    watch(slot)
    if (message.type === 'batch-failed') failTasks(batch.tasks, () => receiveError(message.error))
    else
      for (const [i, task] of batch.tasks.entries()) {
        const result = message.results[i]!
        settleTask(task, () => ('error' in result ? task.reject(receiveError(result.error)) : task.resolve(result)))
      }
    dispatch()
  }

  /** The clock starts anew whenever a batch begins to be the first. */
  const watch = (slot: Slot) => {
    clearTimeout(slot.timer)
    slot.timer = undefined
    if (slot.batches.size === 0) return
    slot.timer = setTimeout(() => {
      slot.late = true
      slot.worker.kill()
    }, deadline)
  }

  const answer = async (
    slot: Slot,
    { tasks }: Batch,
    { batch, question, asked }: Extract<FromWorker, { type: 'ask' }>,
  ) => {
    const { work } = tasks[0]!
    if (work.kind !== 'rerank') return
    // It is alive: its clock starts anew.
    if (slot.batches.keys().next().value === batch) watch(slot)
    await answerQuestion(work.list, asked).then(
      (found) => slot.worker.send({ type: 'answer', question, answer: found }),
      (error: unknown) => slot.worker.send({ type: 'answer', question, error: sendError(error) }),
    )
  }

  const dispatch = () => {
    if (disposed || !model) return
    clearTimeout(waiting)
    waiting = undefined
    // One that is to go alone waits for a process that has nothing else to do: the others wait for it.
    const lanes = lists[0]?.alone ? [lists, images] : [images, lists]
    for (const lane of lanes) {
      dispatchLane(lane, lane === lists ? 1 : (options.batchSize ?? Math.min(model.batchSize, MOST_AT_ONCE)))
      if (lane[0]?.alone) return
    }
  }

  const dispatchLane = (lane: Task[], size: number) => {
    while (lane.length > 0) {
      const tasks = nextTasks(lane, size)
      const slot = freeSlot(slots, tasks[0]!)
      if (!slot) return
      const left = tasks[0]!.since + wait - performance.now()
      if (tasks.length < size && !tasks[0]!.alone && left > 0) {
        waiting = setTimeout(dispatch, left)
        return
      }
      for (const task of tasks) lane.splice(lane.indexOf(task), 1)
      const batch = { number: number++, tasks }
      slot.batches.set(batch.number, batch)
      if (slot.batches.size === 1) watch(slot)
      slot.worker.send(runMessage(batch))
    }
  }

  const abandon = (task: Task) => {
    for (const lane of [images, lists]) if (lane.includes(task)) lane.splice(lane.indexOf(task), 1)
    for (const slot of slots)
      for (const batch of slot.batches.values())
        if (batch.tasks.includes(task) && batch.tasks.every(({ settled }) => settled))
          slot.worker.send({ type: 'cancel', batch: batch.number })
  }

  const submit = (work: Task['work'], name: string, { signal }: PoolTaskOptions) =>
    new Promise<SentResult>((resolve, reject) => {
      signal?.throwIfAborted()
      if (disposed) throw isDisposed()
      if (images.length + lists.length >= maxQueue) throw busy(maxQueue)
      const onAbort = () => {
        settleTask(task, () => task.reject(signal!.reason))
        abandon(task)
      }
      const leave = () => signal?.removeEventListener('abort', onAbort)
      const task: Task = {
        work,
        name,
        since: performance.now(),
        resolve: (result) => {
          leave()
          resolve(result)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
        alone: false,
        settled: false,
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      ;(work.kind === 'rerank' ? lists : images).push(task)
      dispatch()
    })
  const submitImage = (kind: TaskKind, request: ImageRequest, task: PoolTaskOptions, edge?: number) =>
    submit({ kind, image: sentImage(request, edge) }, describeSource(request.source), task)

  const kill = () => {
    disposed = true
    clearTimeout(waiting)
    for (const slot of slots) {
      clearTimeout(slot.timer)
      slot.worker.kill()
    }
  }

  try {
    await Promise.all(Array.from({ length: count }, start).map(({ worker }) => worker.ready))
  } catch (error) {
    kill()
    throw error
  }
  const { batchSize: _size, ...known } = model!
  const { dim, space, symmetric } = known
  const row = (data: Float32Array, role: 'query' | 'gallery', of = { dim, space, role: symmetric ? 'any' : role }) =>
    createEmbeddings({ data, rows: 1, ...of } as Parameters<typeof createEmbeddings>[0])

  return {
    ...known,
    async embed(image, role, task = {}) {
      const { vector, members, uncertainty, hash, warnings = [] } = await submitImage(role, image, task)
      return {
        embeddings: row(vector!, role),
        uncertainty,
        hash,
        warnings,
        members:
          members &&
          Object.fromEntries(
            known.members!.map(({ name, ...of }) => [
              name,
              row(members[name]!, 'gallery', { dim: of.dim, space: of.space, role: 'any' }),
            ]),
          ),
      }
    },
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
      ready: [...slots].filter(({ ready }) => ready).length,
      queued: images.length + lists.length,
      running: [...slots].reduce(
        (sum, { batches }) => sum + [...batches.values()].reduce((all, { tasks }) => all + tasks.length, 0),
        0,
      ),
      replaced,
    }),
    async dispose() {
      kill()
      const open = [
        ...images.splice(0),
        ...lists.splice(0),
        ...[...slots].flatMap(({ batches }) => [...batches.values()].flatMap(tasksOf)),
      ]
      for (const task of open) settleTask(task, () => task.reject(isDisposed()))
    },
  }
}

const tasksOf = ({ tasks }: Batch) => tasks

function settleTask(task: Task, settle: () => void): void {
  if (task.settled) return
  task.settled = true
  settle()
}

const isList = ({ work }: Task) => work.kind === 'rerank'

function runMessage({ number, tasks }: Batch): ToWorker {
  const works = tasks.map(({ work }) => work)
  const [first] = works
  if (first!.kind === 'rerank') return { type: 'rerank', batch: number, list: sentList(first!.list) }
  const images = works.flatMap((work) => (work.kind === 'rerank' ? [] : [work.image]))
  return { type: 'run', batch: number, kind: first!.kind, images }
}

/** One that is tried alone has its process for itself. A process reranks one list at a time, beside the images. */
function freeSlot(slots: Iterable<Slot>, task: Task): Slot | undefined {
  const [slot] = [...slots]
    .filter(({ ready, batches }) => {
      const held = Array.from(batches.values(), ({ tasks }) => tasks[0]!)
      if (!ready || held.some(({ alone }) => alone)) return false
      if (task.alone) return held.length === 0
      return held.filter((each) => isList(each) === isList(task)).length < (isList(task) ? 1 : AHEAD)
    })
    .sort((a, b) => a.batches.size - b.batches.size)
  return slot
}

/** The oldest, and what can go with it. */
function nextTasks(queue: readonly Task[], size: number): Task[] {
  const first = queue[0]!
  if (first.alone) return [first]
  const tasks: Task[] = []
  for (const task of queue) {
    if (task.work.kind === first.work.kind && !task.alone) tasks.push(task)
    if (tasks.length === size) break
  }
  return tasks
}

function programFile(): string {
  const file = fileURLToPath(new URL('./encoder-worker.js', import.meta.url))
  if (existsSync(file)) return file
  throw new LookalikeError(
    'pool/program-missing',
    {
      problem: `The program of the processes that embed is not at ${file}`,
      fix: 'A bundler left it out: keep @lookalike/server out of the bundle (mark it as external).',
    },
    { fields: { file } },
  )
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

const tooLate = (name: string, deadline: number) =>
  new LookalikeError(
    'pool/deadline',
    {
      problem: `${name} was not done within ${deadline} ms`,
      fix: 'Raise the deadline if the model is meant to be that slow.',
    },
    { fields: { source: name, deadline } },
  )

const isDisposed = () => new LookalikeError('pool/disposed', { problem: 'The encoder pool was disposed' })
