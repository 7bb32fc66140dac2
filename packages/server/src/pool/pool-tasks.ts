import type { SentImage, SentResult, TaskKind, ToWorker } from './messages.js'
import type { PoolList } from './sent-list.js'
import { sentList } from './sent-list.js'

/** An image or a list, and who waits for it. */
export interface Task {
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

export interface Batch {
  readonly number: number
  readonly tasks: readonly Task[]
}

export function createTask(
  work: Task['work'],
  name: string,
  { signal, onAbort }: { readonly signal: AbortSignal | undefined; readonly onAbort: (task: Task) => void },
  settle: Pick<Task, 'resolve' | 'reject'>,
): Task {
  const abort = () => {
    settleTask(task, () => task.reject(signal!.reason))
    onAbort(task)
  }
  const leave = () => signal?.removeEventListener('abort', abort)
  const task: Task = {
    work,
    name,
    since: performance.now(),
    resolve(result) {
      leave()
      settle.resolve(result)
    },
    reject(error) {
      leave()
      settle.reject(error)
    },
    alone: false,
    settled: false,
  }
  signal?.addEventListener('abort', abort, { once: true })
  return task
}

/** Once. */
export function settleTask(task: Task, settle: () => void): void {
  if (task.settled) return
  task.settled = true
  settle()
}

export const isList = ({ work }: Task): boolean => work.kind === 'rerank'

export /** The oldest, and what can go with it. */
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

export function runMessage({ number, tasks }: Batch): ToWorker {
  const works = tasks.map(({ work }) => work)
  const [first] = works
  if (first!.kind === 'rerank') return { type: 'rerank', batch: number, list: sentList(first!.list) }
  const images = works.flatMap((work) => (work.kind === 'rerank' ? [] : [work.image]))
  return { type: 'run', batch: number, kind: first!.kind, images }
}
