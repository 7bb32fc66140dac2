import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { writeFailed } from './write-failed.js'
import { writeWhole } from './write-whole.js'

/**
 * Writes a file of a run's folder whole or not at all; resolves to its absolute path.
 *
 * @throws `train/bad-name` for a path that leaves the folder, `train/write`
 */
export async function writeInside(folder: string, name: string, content: string | Uint8Array): Promise<string> {
  const file = path.join(folder, insideFolder(name))
  await writeWhole(file, content, writeFailed)
  return file
}

/** A path that stays in the folder, with slashes. @throws `train/bad-name` */
export function insideFolder(name: string): string {
  const normal = path.normalize(name)
  if (name === '' || path.isAbsolute(name) || normal.split(path.sep)[0] === '..')
    throw badName(name, "a path relative to the run's folder, inside it")
  return normal.split(path.sep).join('/')
}

export function badName(name: string, expected: string): LookalikeError {
  return new LookalikeError(
    'train/bad-name',
    { problem: `A run cannot hold "${name}"`, expected },
    { fields: { name } },
  )
}
