import { LookalikeError } from '@lookalike/core'
import type * as Usearch from 'usearch'

let loading: Promise<typeof Usearch> | undefined

/** @throws `index/usearch-missing` */
export function loadUsearch(): Promise<typeof Usearch> {
  loading ??= import('usearch').catch((cause: unknown) => {
    loading = undefined
    throw new LookalikeError(
      'index/usearch-missing',
      {
        problem: 'usearch, which the approximate index is made with, could not be loaded',
        fix: 'Install it: npm install usearch. Or set "index" to "exact".',
      },
      { cause },
    )
  })
  return loading
}
