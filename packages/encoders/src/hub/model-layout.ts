import { LookalikeError } from '@lookalike/core'
import * as z from 'zod'
import { parseJson } from '../network/resolve-preprocessing.js'
import type { ModelFiles } from './model-files.js'

/** Where the model's files lie in a repository. */
export interface ModelLayout {
  /** A file's path in the repository. */
  path(file: string): string
  /** What the repository says about how tokens become a vector. */
  readonly pooling: 'class-token' | 'mean' | undefined
}

const modules = z.array(z.looseObject({ path: z.string(), type: z.string() })).min(1)

/**
 * Finds the model in a repository: at its top, or where `modules.json` (the layout of sentence-transformers) says: the first module is the model,
 * and a module for pooling says how its tokens become a vector.
 *
 * @throws `hub/layout` when that layout cannot be followed.
 */
export async function findLayout(files: ModelFiles): Promise<ModelLayout> {
  const list = await files.find(['modules.json'])
  if (!list) return { path: (file) => file, pooling: undefined }
  const parsed = modules.safeParse(parseJson(Buffer.from(list.bytes).toString('utf8'), list.file))
  if (!parsed.success) throw unknownLayout(list.file, 'it lists no modules with path and type')
  const [first, ...rest] = parsed.data
  const pooling = rest.find(({ type }) => /(^|\.)Pooling$/.test(type))
  return {
    path: (file) => (first!.path === '' ? file : `${first!.path}/${file}`),
    pooling: pooling && (await readPooling(files, pooling.path)),
  }
}

async function readPooling(files: ModelFiles, folder: string): Promise<'class-token' | 'mean'> {
  const { bytes, file } = await files.require([`${folder}/config.json`], `${folder}/config.json`)
  const config = parseJson(Buffer.from(bytes).toString('utf8'), file) as Readonly<Record<string, unknown>>
  const modes = Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true)
  if (modes.length === 1 && modes[0] === 'pooling_mode_cls_token') return 'class-token'
  if (modes.length === 1 && modes[0] === 'pooling_mode_mean_tokens') return 'mean'
  throw unknownLayout(file, `the pooling is ${modes.join(' and ') || 'none'}, and class token or mean can be followed`)
}

const unknownLayout = (file: string, problem: string) =>
  new LookalikeError(
    'hub/layout',
    { problem: `${file}: ${problem}`, expected: 'the layout of sentence-transformers' },
    { fields: { file } },
  )
