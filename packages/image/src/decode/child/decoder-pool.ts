import { availableParallelism } from 'node:os'
import { type DecoderProcess, startDecoderProcess } from './decoder-process.js'

/** Milliseconds after which a process that has nothing to do ends. */
const IDLE = 30_000

const idle: DecoderProcess[] = []
const waiting: (() => void)[] = []
let busy = 0

/**
 * A decoding process of one's own, started where none is free; at most one a processor. Give it back, dead or alive.
 *
 * @throws the signal's reason; `image/decoder-missing`
 */
export async function takeDecoder(signal?: AbortSignal): Promise<DecoderProcess> {
  signal?.throwIfAborted()
  if (busy >= availableParallelism()) await turn(signal)
  busy++
  try {
    let found = idle.pop()
    while (found && !found.alive) found = idle.pop()
    return found ?? startDecoderProcess()
  } catch (error) {
    free()
    throw error
  }
}

export function giveDecoderBack(decoder: DecoderProcess): void {
  if (decoder.alive) {
    idle.push(decoder)
    setTimeout(() => {
      const at = idle.indexOf(decoder)
      // It was used again meanwhile: its last return has a timer of its own.
      if (at < 0 || Date.now() - since.get(decoder)! < IDLE) return
      idle.splice(at, 1)
      decoder.kill()
    }, IDLE).unref()
    since.set(decoder, Date.now())
  }
  free()
}

const since = new WeakMap<DecoderProcess, number>()

function free(): void {
  busy--
  waiting.shift()?.()
}

function turn(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const go = () => {
      signal?.removeEventListener('abort', leave)
      resolve()
    }
    const leave = () => {
      waiting.splice(waiting.indexOf(go), 1)
      reject(signal!.reason)
    }
    waiting.push(go)
    signal?.addEventListener('abort', leave, { once: true })
  })
}
