import { isRecord } from '@lookalike/core'

/** One thing that is not what it was. */
export interface Difference {
  /** Dotted: `train.optimizer.learningRate`. */
  readonly path: string
  /** Undefined where it was not there. */
  readonly was: unknown
  readonly is: unknown
}

/** Where two plain values differ, as deep as they are objects; arrays are compared whole. */
export function listDifferences(was: unknown, is: unknown, path: string): Difference[] {
  if (isRecord(was) && isRecord(is)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort()
    return keys.flatMap((key) => listDifferences(was[key], is[key], path === '' ? key : `${path}.${key}`))
  }
  return JSON.stringify(was) === JSON.stringify(is) ? [] : [{ path, was, is }]
}

/** `train.epochs was 3 and is 5`. */
export function describeDifference({ path, was, is }: Difference): string {
  return `${path} was ${short(was)} and is ${short(is)}`
}

function short(value: unknown): string {
  if (value === undefined) return 'not set'
  const text = JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
