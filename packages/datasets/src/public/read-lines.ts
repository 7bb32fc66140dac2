import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { readText } from '../table/read-text.js'
import { rowError } from '../table/table.js'

export interface Fields {
  readonly line: number
  readonly fields: readonly string[]
}

/**
 * The lines of a file of a public benchmark, cut at white space into exactly `count` fields; empty lines are left out.
 *
 * @throws `dataset/unreadable`, `dataset/bad-line`
 */
export async function readLines(file: string, count: number, skip = 0): Promise<Fields[]> {
  const lines = (await readText(file)).split('\n')
  return lines.flatMap((text, at) => {
    if (at < skip || text.trim() === '') return []
    const fields = text.trim().split(/\s+/)
    if (fields.length !== count)
      throw rowError({ file }, { line: at + 1 }, 'dataset/bad-line', `the line has ${fields.length} fields`, `${count}`)
    return [{ line: at + 1, fields }]
  })
}

/** Two-column files (`<id> <value>`) as a map. */
export async function readPairs(file: string): Promise<Map<string, string>> {
  return new Map((await readLines(file, 2)).map(({ fields: [id, value] }) => [id!, value!]))
}

/**
 * The folder that a benchmark was unpacked to: `root` itself or the folder of that name in it. Throws `dataset/layout`,
 * which lists the places tried.
 */
export async function findLayout(root: string, folderName: string, marks: readonly string[]): Promise<string> {
  const places = [root, join(root, folderName)]
  for (const place of places) for (const mark of marks) if (await exists(join(place, mark))) return place
  const tried = places.flatMap((place) => marks.map((mark) => join(place, mark)))
  throw new LookalikeError(
    'dataset/layout',
    {
      problem: `${root} does not hold the published layout of ${folderName}: none of ${tried.join(', ')} exists`,
      fix: 'Set the option root to the folder that the published archive was unpacked to',
    },
    { fields: { root, tried } },
  )
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
