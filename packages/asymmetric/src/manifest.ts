import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'
import { z } from 'zod'

export const MANIFEST = 'cross-model.json'
export const MEMBER_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/

const ref = z.union([z.string().min(1), z.looseObject({ use: z.string().min(1) })])
const side = {
  space: z.string().min(1),
  dim: z.int().min(1),
  input: z.union([
    z.strictObject({ kind: z.literal('pixels'), preprocessing: preprocessingSchema }),
    z.strictObject({ kind: z.literal('bytes') }),
  ]),
  batchSize: z.int().min(1),
}

const manifestSchema = z.object({
  format: z.literal('lookalike-cross-model'),
  version: z.literal(1),
  /** `model`: file of a query model that was trained with the run, in this folder. */
  query: z.strictObject({
    encoder: ref.optional(),
    model: z.string().min(1).optional(),
    name: z.string().min(1),
    ...side,
  }),
  /** File of where the query's likelihood puts gallery images, in this folder; absent where there were no labels. */
  likelihood: z.strictObject({ transform: z.string().min(1), sha256: z.string().length(64) }).optional(),
  members: z
    .array(
      z.strictObject({
        name: z.string().regex(MEMBER_NAME),
        encoder: ref,
        ...side,
        /** File of the transform, in this folder. */
        transform: z.string().min(1),
        sha256: z.string().length(64),
        kind: z.string(),
        /** Mean cosine of transformed and query embedding on held-out images. */
        similarity: z.number(),
        /** Of least squares. */
        ridge: z.number().optional(),
        /** The model's own recall@1 among the labelled images of the validation split, where there are some. */
        recall: z.number().optional(),
      }),
    )
    .min(1),
})

export type CrossModelManifest = z.infer<typeof manifestSchema>

/** @throws `asymmetric/folder` when there is none, or none of this version. */
export async function readCrossModelManifest(folder: string): Promise<CrossModelManifest> {
  const file = path.join(folder, MANIFEST)
  const fail = (problem: string, cause?: unknown): never => {
    throw new LookalikeError(
      'asymmetric/folder',
      {
        problem: `${file} ${problem}`,
        expected: 'the folder of a finished run of the trainer cross-model',
        fix: 'Train first, or go on with: lookalike train --resume',
      },
      { fields: { path: file }, cause },
    )
  }
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) =>
    fail(cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`, cause),
  )
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    return fail('is no JSON', cause)
  }
  const parsed = manifestSchema.safeParse(value)
  return parsed.success ? parsed.data : fail('is not the note of such a run', parsed.error)
}
