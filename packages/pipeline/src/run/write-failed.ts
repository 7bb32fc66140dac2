import { LookalikeError } from '@lookalike/core'

/** An error of writing into a run's folder. */
export function writeFailed(file: string, cause: unknown): LookalikeError {
  const { code } = cause as NodeJS.ErrnoException
  return new LookalikeError(
    'train/write',
    {
      problem:
        code === 'ENOSPC'
          ? `The disk is full: ${file} could not be written`
          : `${file} could not be written: ${(cause as Error).message}`,
      fix: "Make room or change the folder's rights, then continue with --resume: the last checkpoint is whole.",
    },
    { fields: { path: file, code }, cause },
  )
}
