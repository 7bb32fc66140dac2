import { LookalikeError, nearestName } from '@lookalike/core'
import { z } from 'zod'
import { requireColumns, type Table, type TableRow } from './table.js'

const range = z
  .strictObject({
    from: z.number().describe('First number, inclusive'),
    to: z.number().describe('Last number, inclusive'),
  })
  .refine(({ from, to }) => from <= to, { message: 'from must not exceed to' })

/** Column to the value, values, or range of leading numbers that a row must have; all columns must agree. */
export const rowRuleSchema = z
  .record(z.string(), z.union([z.string(), z.array(z.string()).min(1), range]))
  .describe(
    'Column to a value, a list of values, or {from, to}: a range of the number that the cell starts with. All must agree; {} is every row',
  )

export type RowRule = z.infer<typeof rowRuleSchema>

/**
 * A test of rows. Throws at once for columns and values that the table does not have: `dataset/missing-columns`,
 * `dataset/unknown-value`.
 */
export function compileRule(rule: RowRule, table: Table): (row: TableRow) => boolean {
  requireColumns(table, Object.keys(rule))
  const tests = Object.entries(rule).map(([column, wanted]): ((row: TableRow) => boolean) => {
    if (typeof wanted === 'object' && !Array.isArray(wanted)) {
      return (row) => {
        const number = leadingNumber(row.values[column] ?? '')
        return number >= wanted.from && number <= wanted.to
      }
    }
    const values = new Set(typeof wanted === 'string' ? [wanted] : wanted)
    checkValues(table, column, values)
    return (row) => values.has(row.values[column] ?? '')
  })
  return (row) => tests.every((test) => test(row))
}

/** `001.Black_footed_Albatross` is 1; NaN, which is in no range, where there is none. */
function leadingNumber(cell: string): number {
  return Number(/^[+-]?\d+(\.\d+)?/.exec(cell)?.[0] ?? Number.NaN)
}

function checkValues(table: Table, column: string, wanted: ReadonlySet<string>): void {
  const present = new Set(table.rows.map((row) => row.values[column] ?? ''))
  const unknown = [...wanted].find((value) => !present.has(value))
  if (unknown === undefined) return
  const near = nearestName(unknown, present)
  const some = [...present].slice(0, 10).join(', ')
  throw new LookalikeError(
    'dataset/unknown-value',
    {
      problem: `No row of ${table.file} has ${JSON.stringify(unknown)} in the column ${column}`,
      expected: `one of its ${present.size} values (${some}${present.size > 10 ? ', ...' : ''})`,
      fix: near && `Did you mean ${JSON.stringify(near)}?`,
    },
    { fields: { file: table.file, column, value: unknown } },
  )
}
