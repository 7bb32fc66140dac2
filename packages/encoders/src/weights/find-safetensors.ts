import { LookalikeError } from '@lookalike/core'
import * as z from 'zod'
import type { ModelFiles } from '../hub/model-files.js'
import { parseJson } from '../network/resolve-preprocessing.js'
import { readSafetensors } from './read-safetensors.js'
import type { Weight, Weights } from './weights.js'

const index = z.looseObject({ weight_map: z.record(z.string(), z.string()) })

/**
 * The weights of a repository in safetensors, in one file or in the shards that `model.safetensors.index.json` lists; undefined where it has none.
 *
 * @param pathOf Where a file lies in the repository.
 * @throws `weights/safetensors`
 */
export async function findSafetensors(
  files: ModelFiles,
  pathOf: (file: string) => string,
): Promise<{ readonly weights: Weights; readonly name: string } | undefined> {
  const whole = await files.find([pathOf('model.safetensors')])
  if (whole) return { weights: readSafetensors(whole.bytes, whole.file), name: whole.file }
  const list = await files.find([pathOf('model.safetensors.index.json')])
  if (!list) return undefined
  const parsed = index.safeParse(parseJson(Buffer.from(list.bytes).toString('utf8'), list.file))
  if (!parsed.success) throw badIndex(list.file, 'it has no weight_map')
  const weights = new Map<string, Weight>()
  for (const shard of new Set(Object.values(parsed.data.weight_map))) {
    if (/(^|[\\/])\.\.([\\/]|$)|^[\\/]|:/.test(shard)) throw badIndex(list.file, `${shard} leads out of the repository`)
    const { bytes, file } = await files.require([pathOf(shard)], `file ${shard}`)
    for (const [name, weight] of readSafetensors(bytes, file)) weights.set(name, weight)
  }
  const missing = Object.keys(parsed.data.weight_map).find((name) => !weights.has(name))
  if (missing !== undefined) throw badIndex(list.file, `${missing} is in none of the files`)
  return { weights, name: list.file }
}

const badIndex = (file: string, problem: string) =>
  new LookalikeError(
    'weights/safetensors',
    { problem: `${file}: ${problem}`, expected: 'a complete index of safetensors files', fix: 'Download it again.' },
    { fields: { file } },
  )
