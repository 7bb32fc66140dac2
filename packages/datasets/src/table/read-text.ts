import { readFile, stat } from 'node:fs/promises'
import { LookalikeError } from '@lookalike/core'
import type { LoadContext } from '../load-context.js'
import { decodeText } from './decode-text.js'

export interface ReadTextOptions {
  /** Default: found out. */
  readonly encoding?: string | undefined
  readonly warn?: LoadContext['warn'] | undefined
}

/**
 * The text of a file in whatever encoding it has. Where the encoding is a guess, the warning `dataset/encoding` says so.
 *
 * @throws `dataset/unreadable`, `dataset/encoding`, `dataset/not-text`
 */
export async function readText(file: string, { encoding, warn }: ReadTextOptions = {}): Promise<string> {
  const decoded = decodeText(await readBytes(file), file, encoding)
  if (decoded.guessed) {
    warn?.({
      code: 'dataset/encoding',
      message: `${file} is not UTF-8. It is read as Windows-1252 (Latin-1); if letters look wrong, set the option encoding to what it was saved with`,
      fields: { file, encoding: decoded.encoding },
    })
  }
  return decoded.text
}

/** Throws `dataset/unreadable`. */
export async function readBytes(file: string): Promise<Uint8Array> {
  try {
    if ((await stat(file)).isDirectory()) throw new Error('it is a folder')
    return await readFile(file)
  } catch (cause) {
    throw new LookalikeError(
      'dataset/unreadable',
      {
        problem: `Cannot read ${file}: ${(cause as Error).message}`,
        expected: 'a file; relative paths start at the folder of the config',
      },
      { fields: { file }, cause },
    )
  }
}
