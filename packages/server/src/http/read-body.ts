import { LookalikeError } from '@lookalike/core'

/** The bytes of bodies that are held at the same time. */
export interface BodyBudget {
  /** @returns gives them back. @throws `serve/too-large`, `serve/busy`, `serve/timeout` */
  read(request: Request): Promise<{ readonly bytes: Buffer<ArrayBuffer>; release(): void }>
  held(): number
}

export interface BodyBudgetOptions {
  /** Bytes of one body. */
  readonly maxBody: number
  /** Bytes of all bodies that are held at once. */
  readonly maxHeld: number
}

/** Reads bodies as far as they may go: what a client announces is believed only where it is too much. */
export function createBodyBudget({ maxBody, maxHeld }: BodyBudgetOptions): BodyBudget {
  let held = 0
  return {
    held: () => held,
    async read(request) {
      if (Number(request.headers.get('content-length') ?? 0) > maxBody) throw tooLarge(maxBody)
      let size = 0
      const release = () => {
        held -= size
        size = 0
      }
      const parts: Uint8Array[] = []
      try {
        const reader = request.body?.getReader()
        for (let part = await reader?.read(); part && !part.done; part = await reader!.read()) {
          const { byteLength } = part.value as Uint8Array
          size += byteLength
          held += byteLength
          if (size > maxBody || held > maxHeld) {
            reader!.cancel().catch(() => {})
            throw size > maxBody ? tooLarge(maxBody) : busy()
          }
          parts.push(part.value as Uint8Array)
        }
        return { bytes: Buffer.concat(parts, size), release }
      } catch (error) {
        release()
        throw error
      }
    },
  }
}

const tooLarge = (maxBody: number) =>
  new LookalikeError(
    'serve/too-large',
    {
      problem: 'The request is too large',
      expected: `at most ${maxBody.toLocaleString('en')} bytes`,
      fix: 'Send a smaller image, or raise serve.maxBody.',
    },
    { fields: { maxBody } },
  )

const busy = () =>
  new LookalikeError('serve/busy', {
    problem: 'Too many large requests are under way',
    fix: 'Try again in a moment.',
  })
