import { LookalikeError, type Warning } from '@lookalike/core'
import { Redis } from 'ioredis'
import { parseQueueAddress, type QueueAddress } from './queue-address.js'

/** Milliseconds that a server has to answer when it is asked first. */
const CONNECT_MS = 10_000
/** The longest time between two tries to reach a server that has gone, milliseconds. */
const RETRY_MS = 2_000

export interface Connection {
  readonly address: QueueAddress
  /** Commands wait while the server cannot be reached. */
  readonly redis: Redis
  /** Says once that the server has gone, and begins to wait. */
  onError(error: Error): void
  close(): void
}

/**
 * Connects to a queue's server. One that goes away later is waited for, and that is the warning `queue/unavailable`.
 *
 * @throws `queue/address`, `queue/unavailable` when it cannot be reached now
 */
export async function connect(
  text: string,
  { onWarning }: { readonly onWarning?: ((warning: Warning) => void) | undefined } = {},
): Promise<Connection> {
  const address = parseQueueAddress(text)
  await checkServer(address)
  const redis = new Redis({ ...address.options, ...WAITING })
  let gone = false
  let closed = false
  const onError = (error: Error) => {
    if (gone || closed) return
    gone = true
    onWarning?.({
      code: 'queue/unavailable',
      message: `${address.name} has gone (${reasonOf(error)}). Waiting for it.`,
      fields: { queue: address.name },
    })
  }
  redis.on('error', onError)
  redis.on('ready', () => (gone = false))
  return {
    address,
    redis,
    onError,
    close() {
      closed = true
      redis.disconnect()
    },
  }
}

/** How connections behave that live long. */
export const WAITING = {
  maxRetriesPerRequest: null,
  retryStrategy: (times: number) => Math.min(100 * 2 ** times, RETRY_MS),
}

async function checkServer(address: QueueAddress): Promise<void> {
  const redis = new Redis({
    ...address.options,
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: 0,
  })
  let heard: Error | undefined
  redis.on('error', (error: Error) => (heard = error))
  try {
    await redis.connect()
    await redis.ping()
  } catch (cause) {
    throw new LookalikeError(
      'queue/unavailable',
      {
        problem: `${address.name} cannot be reached: ${reasonOf(heard ?? (cause as Error))}`,
        expected: 'a Redis server, version 6.2 or later',
        fix: 'Start it (redis-server), or check the address, its name and password.',
      },
      { fields: { queue: address.name } },
    )
  } finally {
    redis.disconnect()
  }
}

function reasonOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException
  return error.message || code || 'no answer'
}
