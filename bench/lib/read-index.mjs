import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** The rows of a data folder's `index.csv`, by the names of its columns. */
export async function readIndex(folder) {
  const [head, ...lines] = (await readFile(path.join(folder, 'index.csv'), 'utf8')).trim().split('\n')
  const names = head.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i], value])))
}
