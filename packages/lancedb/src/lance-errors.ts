import { isLookalikeError, LookalikeError } from '@lookalike/core'

const FULL = /no space left|quota exceeded|StorageFull/i
const GONE = /not found|no such file|LanceError\((IO|Schema|CorruptFile)|corrupt|invalid/i
const UNREACHABLE =
  /object.?store|error sending request|dns|connection|timed? ?out|credential|access ?denied|forbidden|permission denied|unauthorized/i
const CONFLICT = /commit conflict|retryable|concurrent/i

/** What LanceDB threw, as what a gallery throws; other errors stay as they are. LanceDB gives no codes, only texts. */
export function galleryError(name: string, error: unknown): unknown {
  if (isLookalikeError(error) || !(error instanceof Error)) return error
  const text = error.message
  const made = (code: string, problem: string, fix: string) =>
    new LookalikeError(code, { problem, fix }, { fields: { gallery: name }, cause: error })
  const [reason = text] = text.split('\n')
  if (FULL.test(text)) return made('gallery/write', `The gallery ${name} takes nothing more: ${reason}`, 'Make room.')
  if (CONFLICT.test(text))
    return made('gallery/write', `Another process has changed the gallery ${name}: ${reason}`, 'Do it again.')
  if (UNREACHABLE.test(text))
    return made(
      'gallery/unavailable',
      `The gallery ${name} cannot be reached: ${reason}`,
      'Check the address, and the rights and keys in the environment.',
    )
  if (GONE.test(text))
    return made(
      'gallery/damaged',
      `The gallery ${name} cannot be read: ${reason}`,
      'Restore it from a copy, or index the images into another.',
    )
  return error
}

/** Whether a table was not there when it was opened. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && /table .* was not found|TableNotFound/i.test(error.message)
