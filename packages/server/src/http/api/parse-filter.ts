import type { Filter } from '@lookalike/core'
import { invalid } from '../problem.js'
import * as schemas from '../schemas.js'

/** Of a query string. */
export function parseFilter(text: string | undefined): Filter | undefined {
  if (text === undefined) return undefined
  try {
    const result = schemas.filterSchema.safeParse(JSON.parse(text))
    if (result.success) return result.data as Filter
  } catch {}
  throw invalid([
    { path: 'filter', problem: 'it is no filter in JSON', expected: 'for example {"colour": ["red", "blue"]}' },
  ])
}
