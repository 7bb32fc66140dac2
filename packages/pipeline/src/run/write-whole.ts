import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { removeUnfinishedOf, unfinishedName } from '@lookalike/image'

/**
 * Writes a file whole or not at all, its folder included.
 *
 * @param failed what is thrown where it cannot be written
 * @throws `file/write`, or what `failed` makes
 */
export async function writeWhole(
  file: string,
  content: string | Uint8Array,
  failed: (file: string, cause: unknown) => LookalikeError = notWritten,
): Promise<void> {
  const temporary = unfinishedName(file)
  try {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(temporary, content, { flush: true })
    await rename(temporary, file)
    await removeUnfinishedOf(file)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw failed(file, cause)
  }
}

function notWritten(file: string, cause: unknown): LookalikeError {
  const { code, message } = cause as NodeJS.ErrnoException
  return new LookalikeError(
    'file/write',
    {
      problem: `${file} was not written: ${message}`,
      fix: 'Make room, or name another place. Nothing was left there.',
    },
    { fields: { path: file, code }, cause },
  )
}
