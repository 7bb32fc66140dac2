import type { LoadContext } from '../load-context.js'
import { readCsv } from '../table/read-csv.js'
import { requireColumns, rowError, type Table, type TableRow } from '../table/table.js'
import type { RawTriple } from './raw-triple.js'

/** Which column holds what; all but the first three are optional. */
export interface TripleColumns {
  readonly reference: string
  readonly a: string
  readonly b: string
  readonly closer: string
  readonly context: string
  readonly classA: string
  readonly classB: string
  readonly votesA: string
  readonly votesB: string
  readonly split: string
}

/**
 * A CSV of triples. Without a column `closer` the votes decide. Ties are left out, or with `keepTies` get the agreement 0.5.
 *
 * @throws `dataset/missing-columns`, `dataset/bad-closer`, `dataset/bad-votes`, `dataset/bad-class`, `dataset/missing-id`
 */
export async function readTriples(
  file: string,
  columns: TripleColumns,
  keepTies: boolean,
  warn?: LoadContext['warn'],
): Promise<{ triples: RawTriple[]; ties: number }> {
  const table = await readCsv(file, { known: Object.values(columns), warn })
  const has = (name: string) => table.columns.includes(name)
  const votes = has(columns.votesA) && has(columns.votesB)
  requireColumns(table, [columns.reference, columns.a, columns.b, ...(votes ? [] : [columns.closer])])
  let ties = 0
  const triples = table.rows.flatMap((row): RawTriple[] => {
    const triple = readRow(table, row, columns, votes)
    if (triple.tie) ties++
    if (triple.tie && !keepTies) return []
    return [triple.value]
  })
  return { triples, ties }
}

function readRow(
  table: Table,
  row: TableRow,
  columns: TripleColumns,
  votes: boolean,
): { value: RawTriple; tie: boolean } {
  const cell = (name: keyof TripleColumns) => row.values[columns[name]] ?? ''
  const id = (name: 'reference' | 'a' | 'b') => {
    if (cell(name) === '')
      throw rowError(table, row, 'dataset/missing-id', `the column ${columns[name]} is empty`, 'an image')
    return cell(name)
  }
  const { closer, agreement } = readAnswer(
    table,
    row,
    cell('closer').toLowerCase(),
    votes ? [cell('votesA'), cell('votesB')] : undefined,
  )
  const classA = readClass(table, row, cell('classA'))
  const classB = readClass(table, row, cell('classB'))
  const split = cell('split')
  const context = cell('context')
  const value: RawTriple = {
    where: `${table.file}:${row.line}`,
    reference: id('reference'),
    a: id('a'),
    b: id('b'),
    closer: closer === 'tie' ? 'a' : closer,
    split: split || undefined,
    context: context || undefined,
    classA,
    classB,
    agreement,
  }
  return { value, tie: closer === 'tie' }
}

type Answer = { readonly closer: 'a' | 'b' | 'tie'; readonly agreement?: number | undefined }

function readAnswer(table: Table, row: TableRow, given: string, votes: readonly [string, string] | undefined): Answer {
  const counted = votes && countVotes(table, row, votes)
  if (given === '' && counted) return counted
  if (given !== 'a' && given !== 'b' && given !== 'tie') {
    throw rowError(table, row, 'dataset/bad-closer', `closer is ${JSON.stringify(given)}`, 'a, b or tie')
  }
  if (!counted) return given === 'tie' ? { closer: given, agreement: 0.5 } : { closer: given }
  if (counted.closer !== given) {
    throw rowError(
      table,
      row,
      'dataset/bad-votes',
      `closer is ${given}, but the votes ${votes.join(' to ')} say ${counted.closer}`,
    )
  }
  return counted
}

function countVotes(table: Table, row: TableRow, votes: readonly [string, string]): Required<Answer> | undefined {
  if (votes.every((vote) => vote === '')) return undefined
  const [a, b] = votes.map((vote) => (vote === '' ? Number.NaN : Number(vote))) as [number, number]
  if (!(a >= 0 && b >= 0 && a + b > 0 && Number.isFinite(a + b))) {
    throw rowError(
      table,
      row,
      'dataset/bad-votes',
      `the votes are ${votes.map((vote) => JSON.stringify(vote)).join(' and ')}`,
      'two counts, not both 0',
    )
  }
  return { closer: a > b ? 'a' : a < b ? 'b' : 'tie', agreement: Math.max(a, b) / (a + b) }
}

function readClass(table: Table, row: TableRow, given: string): number | undefined {
  if (given === '') return undefined
  const value = Number(given)
  if (value >= 1 && value <= 5) return value
  throw rowError(
    table,
    row,
    'dataset/bad-class',
    `the class is ${JSON.stringify(given)}`,
    '1 (almost the same) to 5 (irrelevant)',
  )
}
