import { LookalikeError, type Warning } from '@lookalike/core'
import type { Progress, Reply, Request } from './protocol.js'

export interface WorkerCalls {
  call<T>(
    request: Omit<Request, 'id'> & Record<string, unknown>,
    transfer?: Transferable[],
    signal?: AbortSignal,
  ): Promise<T>
  /** Ends the worker; what was asked fails with `browser/disposed`. */
  end(): void
}

export interface WorkerEvents {
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly onWarning?: ((warning: Warning) => void) | undefined
}

/** The page's side: requests by number, each answered once. */
export function callWorker(worker: Worker, { onProgress, onWarning }: WorkerEvents): WorkerCalls {
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>()
  let next = 0
  let ended: LookalikeError | undefined
  const end = (error: LookalikeError) => {
    ended ??= error
    worker.terminate()
    for (const { reject } of waiting.values()) reject(ended)
    waiting.clear()
  }
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    if ('progress' in data) return onProgress?.(data.progress)
    if ('warning' in data) return onWarning?.(data.warning)
    const asked = waiting.get(data.id)
    waiting.delete(data.id)
    if ('value' in data) asked?.resolve(data.value)
    else if (data.error.code === undefined) asked?.reject(new Error(data.error.message))
    else
      asked?.reject(new LookalikeError(data.error.code, { problem: data.error.message }, { fields: data.error.fields }))
  }
  worker.onerror = ({ message }) => end(crashed(message))
  worker.onmessageerror = () => end(crashed('a message could not be read'))
  return {
    call: <T>(request: object, transfer: Transferable[] = [], signal?: AbortSignal) =>
      new Promise<T>((resolve, reject) => {
        if (ended) return reject(ended)
        signal?.throwIfAborted()
        const id = next++
        // The worker goes on with it, and nobody listens any more.
        const leave = () => {
          waiting.delete(id)
          reject(signal!.reason)
        }
        signal?.addEventListener('abort', leave, { once: true })
        const done = () => signal?.removeEventListener('abort', leave)
        waiting.set(id, {
          resolve: (value) => (done(), resolve(value as T)),
          reject: (error) => (done(), reject(error)),
        })
        worker.postMessage({ ...request, id }, transfer)
      }),
    end: () => end(disposed()),
  }
}

const crashed = (reason: string | undefined) =>
  new LookalikeError('browser/worker', {
    problem: `The worker that runs the model ended${reason ? `: ${reason}` : ''}`,
    fix: "Where the page has a policy for contents, allow workers of its own: worker-src blob:, script-src 'wasm-unsafe-eval'.",
  })

const disposed = () =>
  new LookalikeError('browser/disposed', { problem: 'The encoder was disposed', fix: 'Create a new one.' })
