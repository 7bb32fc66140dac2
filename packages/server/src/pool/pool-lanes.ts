import type { Processes } from './pool-processes.js'
import { isList, nextTasks, type Task } from './pool-tasks.js'

/** What waits for a process. Images go together, lists one by one. */
export interface Lanes {
  /** Tasks that wait. */
  readonly length: number
  add(task: Task): void
  /** Before all others. */
  putBack(tasks: readonly Task[]): void
  remove(task: Task): void
  /** Nothing waits any more. */
  takeAll(): Task[]
  /** Gives processes what they can take now. */
  dispatch(): void
}

export interface LanesOptions {
  /** Milliseconds that an image waits for others to go with. */
  readonly wait: number
  /** Images that go together, at most. */
  readonly batchSize: number
}

export function createLanes(processes: Processes, { wait, batchSize }: LanesOptions): Lanes {
  const images: Task[] = []
  const lists: Task[] = []
  let timer: NodeJS.Timeout | undefined

  const dispatchLane = (lane: Task[], size: number) => {
    while (lane.length > 0) {
      const tasks = nextTasks(lane, size)
      if (!processes.canRun(tasks[0]!)) return
      const left = tasks[0]!.since + wait - performance.now()
      if (tasks.length < size && !tasks[0]!.alone && left > 0) {
        timer = setTimeout(dispatch, left)
        return
      }
      for (const task of tasks) lane.splice(lane.indexOf(task), 1)
      processes.run(tasks)
    }
  }
  const dispatch = () => {
    clearTimeout(timer)
    // One that is to go alone waits for a process that has nothing else to do: the others wait for it.
    const lanes = lists[0]?.alone ? [lists, images] : [images, lists]
    for (const lane of lanes) {
      dispatchLane(lane, lane === lists ? 1 : batchSize)
      if (lane[0]?.alone) return
    }
  }

  return {
    get length() {
      return images.length + lists.length
    },
    add: (task) => void (isList(task) ? lists : images).push(task),
    putBack(tasks) {
      images.unshift(...tasks.filter((task) => !isList(task)))
      lists.unshift(...tasks.filter(isList))
    },
    remove(task) {
      for (const lane of [images, lists]) if (lane.includes(task)) lane.splice(lane.indexOf(task), 1)
    },
    takeAll() {
      clearTimeout(timer)
      return [...images.splice(0), ...lists.splice(0)]
    },
    dispatch,
  }
}
