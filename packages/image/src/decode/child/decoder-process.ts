import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { LookalikeError } from '@lookalike/core'
import { missingDecoder } from '../load-sharp.js'
import { CHILD_PROGRAM } from './child-program.js'

export type DecoderRequest =
  | { readonly operation: 'header' | 'pixels'; readonly input: object; readonly steps?: readonly unknown[] | undefined }
  | { readonly operation: 'heic' }

export interface DecoderAnswer {
  readonly result: Record<string, unknown>
  readonly bytes: Uint8Array
}

/** A decoding process: one request at a time. */
export interface DecoderProcess {
  /** False once it has ended. */
  readonly alive: boolean
  /** Milliseconds of processor time that the running request has taken, as last heard. */
  readonly spent: number
  /**
   * @param content the image's bytes, with the first request about it
   * @throws an `Error` with the decoder's own words; `image/decoder-ended` when the process ends, `image/memory` when it
   * took more than `maxMemory` bytes
   */
  ask(request: DecoderRequest, maxMemory: number, content?: Uint8Array): Promise<DecoderAnswer>
  kill(): void
}

/** Where a package is for this one, or undefined. */
export function resolvePackage(name: string): string | undefined {
  // A bundle in CommonJS has no address of its own.
  for (const from of [import.meta.url, path.join(process.cwd(), 'package.json')]) {
    try {
      return createRequire(from).resolve(name)
    } catch {}
  }
  return undefined
}

/**
 * @param find where a package is
 * @throws `image/decoder-missing`
 */
export function startDecoderProcess(find = resolvePackage): DecoderProcess {
  const sharp = find('sharp')
  if (!sharp) throw missingDecoder()
  const child = spawn(process.execPath, ['-e', CHILD_PROGRAM, '--', sharp, find('heic-decode') ?? ''], {
    stdio: ['pipe', 'pipe', 'ignore'],
    windowsHide: true,
    // Flags of this process (debuggers, loaders) are not for that one.
    env: { ...process.env, NODE_OPTIONS: '', ELECTRON_RUN_AS_NODE: '1' },
  })
  const { stdin, stdout } = child as ChildProcess & { stdin: Writable; stdout: Readable }
  let alive = true
  let spent = 0
  let waiting: { resolve(answer: DecoderAnswer): void; reject(error: Error): void } | undefined
  const settle = (): typeof waiting => {
    const current = waiting
    waiting = undefined
    hold(false)
    return current
  }
  /** An idle process does not keep this one from ending. */
  const hold = (busy: boolean) => {
    for (const part of [child, stdin, stdout] as unknown as { ref(): void; unref(): void }[])
      part[busy ? 'ref' : 'unref']()
  }
  const end = (why: string) => {
    alive = false
    settle()?.reject(
      new LookalikeError('image/decoder-ended', {
        problem: `The process that decodes images ended (${why})`,
        fix: 'If this happens with every image, check that this program may start processes.',
      }),
    )
  }
  child.once('error', (error) => end(error.message))
  child.once('exit', (code, signal) => end(signal ?? `code ${code}`))
  // What a dying process leaves unread is told by its exit.
  stdin.on('error', () => {})
  readMessages(stdout, (json, bytes) => {
    if (json.spent !== undefined) spent = Number(json.spent)
    else if (json.memory !== undefined) {
      alive = false
      settle()?.reject(
        new LookalikeError(
          'image/memory',
          {
            problem: `Decoding took ${Math.round(Number(json.memory) / 2 ** 20).toLocaleString('en')} MiB and was stopped`,
          },
          { fields: { bytes: json.memory } },
        ),
      )
      child.kill('SIGKILL')
    } else if (typeof json.error === 'string') settle()?.reject(new Error(json.error))
    else settle()?.resolve({ result: json.result as Record<string, unknown>, bytes })
  })
  hold(false)

  return {
    get alive() {
      return alive
    },
    get spent() {
      return spent
    },
    ask(request, maxMemory, content = new Uint8Array()) {
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        if (!alive) return end('before it was asked')
        hold(true)
        spent = 0
        const text = Buffer.from(JSON.stringify({ ...request, maxMemory }))
        const head = Buffer.alloc(8)
        head.writeUInt32LE(text.length, 0)
        head.writeUInt32LE(content.byteLength, 4)
        stdin.write(Buffer.concat([head, text]))
        if (content.byteLength > 0) stdin.write(content)
      })
    },
    kill() {
      alive = false
      child.kill('SIGKILL')
    },
  }
}

/** Cuts a stream into messages; large bytes are copied once, to where they stay. */
function readMessages(stream: Readable, onMessage: (json: Record<string, unknown>, bytes: Uint8Array) => void): void {
  let target = Buffer.alloc(8)
  let filled = 0
  let text: number | undefined
  stream.on('data', (part: Buffer) => {
    let from = 0
    while (from < part.length) {
      const count = part.copy(target, filled, from)
      from += count
      filled += count
      if (filled < target.length) return
      const whole = target
      filled = 0
      if (text === undefined) {
        text = whole.readUInt32LE(0)
        target = Buffer.allocUnsafeSlow(text + whole.readUInt32LE(4))
        continue
      }
      const json = JSON.parse(whole.toString('utf8', 0, text)) as Record<string, unknown>
      const bytes = whole.subarray(text)
      text = undefined
      target = Buffer.alloc(8)
      onMessage(json, bytes)
    }
  })
}
