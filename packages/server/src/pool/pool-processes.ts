import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { LookalikeError, type Warning } from '@lookalike/core'
import { type FromWorker, type ModelRecipe, type PooledModel, receiveError, sendError } from './messages.js'
import { type Batch, isList, runMessage, settleTask, type Task } from './pool-tasks.js'
import { answerQuestion } from './sent-list.js'
import { startWorker, type Worker, workerEnded } from './start-worker.js'

/** Batches that a process has at once: it reads one while its model works on the other. */
const AHEAD = 2
/** Failed starts in a row after which what waits is given up. */
const STARTS = 3

export type StartedModel = PooledModel & { readonly batchSize: number }

interface Slot {
  worker: Worker
  ready: boolean
  readonly batches: Map<number, Batch>
  /** Runs out when the first of its batches takes too long. */
  timer: NodeJS.Timeout | undefined
  /** Why it was killed by this pool. */
  late: boolean
}

export interface ProcessesOptions {
  readonly count: number
  /** Milliseconds. */
  readonly deadline: number
  readonly onWarning: ((warning: Warning) => void) | undefined
  /** A process may have become free. */
  readonly onFree: () => void
  /** These were with a process that ended, or in a batch that failed as a whole; `errorOf` says what by the name of one. */
  readonly onFailed: (tasks: readonly Task[], errorOf: (name: string) => unknown) => void
  /** Processes end before they can do anything. */
  readonly onHopeless: (error: unknown) => void
}

/** The processes of a pool: what ends is replaced, what hangs is killed. */
export interface Processes {
  readonly model: StartedModel
  /** Whether a process can take a batch of this one now. */
  canRun(task: Task): boolean
  /** Gives a batch to a process that can take it. */
  run(tasks: readonly Task[]): void
  /** Lets a process leave a batch that nobody waits for any more. */
  cancel(task: Task): void
  /** What processes are working on. */
  held(): Task[]
  readonly ready: number
  readonly replaced: number
  /** Kills them, and starts no more. */
  kill(): void
}

/** Resolves when all processes can work. @throws what making the model throws, `pool/program-missing` */
export async function startProcesses(recipe: ModelRecipe, options: ProcessesOptions): Promise<Processes> {
  const { count, deadline, onFree, onFailed, onHopeless, onWarning } = options
  const program = programFile()
  const slots = new Set<Slot>()
  let model: StartedModel | undefined
  let replaced = 0
  let failedStarts = 0
  let killed = false

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
      (made) => begin(slot, made),
      () => {},
    )
    return slot
  }

  const begin = (slot: Slot, made: StartedModel) => {
    if (model && made.space !== model.space) return slot.worker.kill()
    model ??= made
    slot.ready = true
    failedStarts = 0
    onFree()
  }

  const ended = (slot: Slot, why: string) => {
    clearTimeout(slot.timer)
    slots.delete(slot)
    const held = heldBy(slot)
    slot.batches.clear()
    if (killed || !model) return
    onFailed(held, (name) => (slot.late ? tooLate(name, deadline) : workerEnded(why)))
    replaced++
    if (!slot.ready) failedStarts++
    onWarning?.(replacedWarning(slot, why))
    if (failedStarts >= STARTS) onHopeless(workerEnded(why))
    // One that cannot start is not tried without a pause.
    setTimeout(() => !killed && slots.size < count && start(), failedStarts * 500).unref()
  }

  const receive = (slot: Slot, message: Extract<FromWorker, { batch: number }>) => {
    const batch = slot.batches.get(message.batch)
    if (!batch) return
    if (message.type === 'ask') return answer(slot, batch, message, deadline)
    slot.batches.delete(message.batch)
    watch(slot, deadline)
    if (message.type === 'batch-failed') onFailed(batch.tasks, () => receiveError(message.error))
    else settleBatch(batch, message.results)
    onFree()
  }

  const kill = () => {
    killed = true
    killAll(slots)
  }

  try {
    await Promise.all(Array.from({ length: count }, start).map(({ worker }) => worker.ready))
  } catch (error) {
    kill()
    throw error
  }
  return {
    model: model!,
    ...createAssignment(slots, deadline),
    get ready() {
      return [...slots].filter(({ ready }) => ready).length
    },
    get replaced() {
      return replaced
    },
    kill,
  }
}

/** Who works on what. */
function createAssignment(
  slots: ReadonlySet<Slot>,
  deadline: number,
): Pick<Processes, 'canRun' | 'run' | 'cancel' | 'held'> {
  let number = 0
  return {
    canRun: (task) => freeSlot(slots, task) !== undefined,
    run(tasks) {
      const slot = freeSlot(slots, tasks[0]!)!
      const batch = { number: number++, tasks }
      slot.batches.set(batch.number, batch)
      if (slot.batches.size === 1) watch(slot, deadline)
      slot.worker.send(runMessage(batch))
    },
    cancel(task) {
      for (const { worker, batches } of slots)
        for (const { number: batch, tasks } of batches.values())
          if (tasks.includes(task) && tasks.every(({ settled }) => settled)) worker.send({ type: 'cancel', batch })
    },
    held: () => [...slots].flatMap(heldBy),
  }
}

/** The clock starts anew whenever a batch begins to be the first. */
function watch(slot: Slot, deadline: number): void {
  clearTimeout(slot.timer)
  slot.timer = undefined
  if (slot.batches.size === 0) return
  slot.timer = setTimeout(() => {
    slot.late = true
    slot.worker.kill()
  }, deadline)
}

function killAll(slots: Iterable<Slot>): void {
  for (const slot of slots) {
    clearTimeout(slot.timer)
    slot.worker.kill()
  }
}

const heldBy = ({ batches }: Slot): Task[] => [...batches.values()].flatMap(({ tasks }) => tasks)

function settleBatch({ tasks }: Batch, results: Extract<FromWorker, { type: 'done' }>['results']): void {
  for (const [i, task] of tasks.entries()) {
    const result = results[i]!
    settleTask(task, () => ('error' in result ? task.reject(receiveError(result.error)) : task.resolve(result)))
  }
}

function answer(
  slot: Slot,
  { number, tasks }: Batch,
  { question, asked }: Extract<FromWorker, { type: 'ask' }>,
  deadline: number,
): void {
  // It is alive: its clock starts anew.
  if (slot.batches.keys().next().value === number) watch(slot, deadline)
  const { worker } = slot
  const { work } = tasks[0]!
  if (work.kind !== 'rerank') return
  void answerQuestion(work.list, asked).then(
    (found) => worker.send({ type: 'answer', question, answer: found }),
    (error: unknown) => worker.send({ type: 'answer', question, error: sendError(error) }),
  )
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

const replacedWarning = ({ late }: Slot, why: string): Warning => ({
  code: 'pool/worker-replaced',
  message: `A process that embeds images ${late ? 'took too long' : `ended (${why})`} and is replaced.`,
  fields: { why: late ? 'deadline' : why },
})

const tooLate = (name: string, deadline: number) =>
  new LookalikeError(
    'pool/deadline',
    {
      problem: `${name} was not done within ${deadline} ms`,
      fix: 'Raise the deadline if the model is meant to be that slow.',
    },
    { fields: { source: name, deadline } },
  )
