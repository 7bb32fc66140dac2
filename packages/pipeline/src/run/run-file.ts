import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { LookalikeError } from '@lookalike/core'
import { z } from 'zod'
import { writeFailed } from './write-failed.js'
import { writeWhole } from './write-whole.js'

export const RUN_FILE = 'run.json'

const schema = z.object({
  format: z.literal('lookalike-run'),
  version: z.literal(1),
  trainer: z.object({ name: z.string(), package: z.string().optional(), version: z.string().optional() }),
  state: z.enum(['running', 'finished', 'aborted', 'failed']),
  /** What ended a failed run. */
  error: z.object({ code: z.string(), message: z.string() }).optional(),
  seed: z.number(),
  encoder: z.object({ name: z.string(), space: z.string() }),
  /** The trainer's options that decide the result. */
  settings: z.record(z.string(), z.unknown()),
  /** SHA-256 in hex of trainer, seed, encoder and settings. */
  configHash: z.string(),
  /** Absent until the data was read. */
  data: z.object({ dataset: z.string(), hash: z.string() }).optional(),
  /** The main artefact, and all by name; relative to the folder. */
  artefact: z.string().optional(),
  artefacts: z.record(z.string(), z.string()),
  /** How a config names what was trained, where it is no encoder. */
  usedBy: z
    .object({
      kind: z.enum(['reranker', 'combiner']),
      use: z.string(),
      option: z.string(),
      path: z.enum(['file', 'directory']),
      options: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])).optional(),
    })
    .optional(),
  metrics: z.record(z.string(), z.number()).optional(),
  /** Of Node, and of the plugins by kind and name. */
  versions: z.record(z.string(), z.string()),
  startedAt: z.string(),
  updatedAt: z.string(),
})

/** What `run.json` says. */
export type RunFile = z.infer<typeof schema>

/** Undefined where there is none. @throws `train/run-damaged` */
export async function readRunFile(folder: string): Promise<RunFile | undefined> {
  const file = path.join(folder, RUN_FILE)
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new LookalikeError(
      'train/run-damaged',
      {
        problem: `${file} cannot be read: ${(cause as Error).message.slice(0, 300)}`,
        expected: 'what a training run wrote there',
        fix: 'Replace the run with --overwrite, or train under another name with --name=...',
      },
      { fields: { path: file }, cause },
    )
  }
}

/** @throws `train/write` */
export async function writeRunFile(folder: string, run: RunFile): Promise<void> {
  const file = path.join(folder, RUN_FILE)
  await writeWhole(file, `${JSON.stringify(run, null, 2)}\n`, writeFailed)
}
