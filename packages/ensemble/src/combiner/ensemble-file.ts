import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import type { EnsembleMember, EnsembleModel } from './ensemble-model.js'
import { decode, encode } from './packed-json.js'

/** The manifest of an ensemble's folder; networks lie beside it. */
export const ENSEMBLE_FILE = 'ensemble.json'
/** The whole ensemble as one network, where it was merged. */
export const MERGED_FILE = 'ensemble.onnx'
const FORMAT = 'lookalike-context-ensemble'

/** The content of the manifest; the networks that it names must be there before it is written. */
export function encodeEnsemble(model: EnsembleModel): string {
  return `${encode({ format: FORMAT, version: 2, ...model })}\n`
}

/**
 * Reads the ensemble that a run left in its folder.
 *
 * @throws `ensemble/file` when there is no ensemble or it is damaged.
 */
export async function readEnsemble(folder: string): Promise<EnsembleModel> {
  const file = path.join(folder, ENSEMBLE_FILE)
  try {
    const { format: _format, version: _version, ...model } = fileSchema.parse(decode(await readFile(file, 'utf8')))
    return model as EnsembleModel
  } catch (cause) {
    throw new LookalikeError(
      'ensemble/file',
      {
        problem: `${file} is no readable ensemble: ${(cause as Error).message.slice(0, 300)}`,
        expected: 'a folder that the trainer "context-ensemble" wrote',
        fix: 'Check the path, or train again.',
      },
      { fields: { file }, cause },
    )
  }
}

/** A member that was saved by itself; undefined when it is none. */
export function decodeMember(text: string): EnsembleMember | undefined {
  const found = memberSchema.safeParse(decode(text))
  return found.success ? (found.data as EnsembleMember) : undefined
}

const floats = z.instanceof(Float32Array)
const whole = z.int().min(0)
/** A path that stays in the ensemble's folder. */
const inside = z
  .string()
  .refine((file) => !path.isAbsolute(file) && !file.split(/[/\\]/).includes('..'), 'a path inside the folder')
const pca = z.object({ inputDim: whole, dim: whole, mean: floats, components: floats, variances: floats })
const facts = { context: z.string(), base: whole, localAccuracy: z.number() }
const memberSchema = z.discriminatedUnion('form', [
  z.object({ ...facts, form: z.literal('head'), head: z.object({ inputDim: whole, dim: whole, weight: floats }) }),
  z.object({ ...facts, form: z.literal('network'), name: z.string(), space: z.string(), dim: whole, file: inside }),
])
const fileSchema = z
  .object({
    format: z.literal(FORMAT),
    version: z.literal(2),
    bases: z
      .array(
        z.object({
          name: z.string(),
          space: z.string(),
          features: z.object({ pca, scale: z.number() }),
          file: inside.exactOptional(),
        }),
      )
      .min(1),
    members: z.array(memberSchema).min(1),
    weightsBase: whole.optional(),
    weights: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('constant'), values: floats }),
      z.object({
        kind: z.literal('credibility-map'),
        pca,
        map: z.object({
          grid: whole,
          members: whole,
          range: z.tuple([z.number(), z.number(), z.number(), z.number()]),
          weights: floats,
        }),
      }),
      z.object({
        kind: z.literal('mlp'),
        pca,
        mlp: z.object({
          inputDim: whole,
          hidden: whole,
          members: whole,
          scale: floats,
          inner: floats,
          innerBias: floats,
          outer: floats,
          outerBias: floats,
        }),
      }),
      z.object({
        kind: z.literal('gate'),
        pca,
        gate: z.object({ inputDim: whole, members: whole, scale: floats, weight: floats, bias: floats }),
      }),
    ]),
  })
  .refine(
    ({ bases, members, weightsBase = 0 }) =>
      weightsBase < bases.length && members.every(({ base }) => base < bases.length),
    'a member of a base that is not there',
  )
