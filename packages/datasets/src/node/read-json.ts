import { readFile } from 'node:fs/promises'
import { LookalikeError } from '@lookalike/core'
import type { z } from 'zod'

/** Reads a JSON file of a known shape. Throws `dataset/unreadable` and `dataset/bad-json`, which name the file. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new LookalikeError(
      'dataset/unreadable',
      { problem: `Cannot read ${file}: ${(cause as Error).message}` },
      { fields: { file }, cause },
    )
  }
  const bad = (why: string, cause?: unknown) =>
    new LookalikeError(
      'dataset/bad-json',
      { problem: `${file} is not the file that was expected: ${why}`, fix: 'Install its package again' },
      { fields: { file }, cause },
    )
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw bad((cause as Error).message, cause)
  }
  const result = schema.safeParse(value)
  if (!result.success) {
    const issue = result.error.issues[0]
    throw bad(`${issue?.path.join('.') || 'the whole'}: ${issue?.message ?? 'wrong shape'}`, result.error)
  }
  return result.data
}
