import type { OperationOptions } from '@lookalike/core'

export interface QueueOptions extends OperationOptions {
  /** `redis://user:password@host:6379/0` */
  readonly queue: string
}

/** What BullMQ's keys begin with. */
export const PREFIX = 'lookalike'
