import { LookalikeError } from '@lookalike/core'

/** @param expected what stands there in a gallery that nothing happened to */
export function damaged(
  file: string,
  problem: string,
  fields: Readonly<Record<string, unknown>> = {},
  {
    expected = 'the file as it was written',
    fix = 'Put the file back from a copy, or index the images again into a new folder.',
    cause,
  }: { expected?: string | undefined; fix?: string; cause?: unknown } = {},
): LookalikeError {
  return new LookalikeError(
    'gallery/damaged',
    { problem: `${file} ${problem}`, expected, fix },
    { fields: { path: file, ...fields }, cause },
  )
}

/** @param undone whether the gallery is as it was before: where even that failed, the change is there whole, or not at all */
export function writeFailed(folder: string, cause: unknown, undone = true): LookalikeError {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes((cause as NodeJS.ErrnoException).code ?? '')
  const what = full ? 'Free some disk space' : 'Check that the folder may be written to'
  return new LookalikeError(
    'gallery/write',
    {
      problem: `The gallery ${folder} cannot be written: ${(cause as Error).message}`,
      fix: undone
        ? `${what} and go on: everything acknowledged is there.`
        : `${what} and open the gallery again: everything acknowledged is there, and this change is whole or not there.`,
    },
    { fields: { path: folder, undone }, cause },
  )
}

export const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  typeof (error as NodeJS.ErrnoException | undefined)?.syscall === 'string'

/** Gives failures of the file system a name. */
export async function io<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!isSystemError(cause)) throw cause
    const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(cause.code ?? '')
    throw new LookalikeError(
      'gallery/io',
      {
        problem: `The gallery ${folder} cannot be used: ${cause.message}`,
        fix: full ? 'Free some disk space.' : 'Check that the folder is there and may be read and written.',
      },
      { fields: { path: folder }, cause },
    )
  }
}
