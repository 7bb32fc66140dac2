import { z } from 'zod'
import type { TableRow } from './vector-table.js'

const rowSchema = z.object({
  id: z.string().min(1),
  hash: z.string().min(1).nullish(),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).nullish(),
  uncertainty: z.number().nullish(),
  rejected: z.boolean().nullish(),
  source: z.string().nullish(),
  box: z.strictObject({ x: z.number(), y: z.number(), width: z.number(), height: z.number() }).nullish(),
  space: z.string().min(1).nullish(),
  vector: z.array(z.number()).nullish(),
})

export interface JsonRow {
  readonly row: TableRow
  readonly space?: string | undefined
  readonly vector?: readonly number[] | undefined
}

/** A row as one line of JSON. Nine digits are what a float32 comes back from as it was. */
export function toJsonLine(row: TableRow, space: string, vector?: Float32Array): string {
  const numbers = vector && Array.from(vector, (value) => Number(value.toPrecision(9)))
  return `${JSON.stringify({ ...row, space, vector: numbers })}\n`
}

/**
 * What is said of a row; a text alone is its id.
 *
 * @throws Error saying what does not fit
 */
export function parseJsonRow(value: unknown): JsonRow {
  const parsed = rowSchema.safeParse(typeof value === 'string' ? { id: value } : value)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Error(`${issue?.path.join('.') || 'the row'}: ${issue?.message ?? 'invalid'}`)
  }
  const { space, vector, ...given } = parsed.data
  const row = Object.fromEntries(Object.entries(given).filter(([, each]) => each !== null && each !== undefined))
  return { row: row as unknown as TableRow, space: space ?? undefined, vector: vector ?? undefined }
}
