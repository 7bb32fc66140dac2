import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { LookalikeError, type Preprocessing } from '@lookalike/core'
import type { OnnxModel } from '@lookalike/onnx'
import { readPreprocessorConfig } from '../presets/read-preprocessor-config.js'
import { mergePreprocessing, type PreprocessingChanges } from './merge-preprocessing.js'
import { noPreprocessing, readPreprocessingEntry } from './preprocessing-entry.js'

/**
 * The preprocessing of a model: what the caller says, over what the model carries in its metadata, else the `preprocessor_config.json` beside the
 * file or in the folder above it.
 *
 * @throws `encoder/preprocessing` when nothing tells.
 */
export async function resolvePreprocessing(
  given: PreprocessingChanges | undefined,
  model: OnnxModel,
  name: string,
  path?: string,
): Promise<Preprocessing> {
  const places =
    path === undefined
      ? []
      : [dirname(path), dirname(dirname(path))].flatMap((folder) =>
          ['preprocessor_config.json', 'processor_config.json'].map((file) => join(folder, file)),
        )
  const merged = await mergePreprocessing(given, async () => readPreprocessingEntry(model, name) ?? readBeside(places))
  if (merged) return merged
  throw noPreprocessing(name, places)
}

async function readBeside(places: readonly string[]): Promise<Preprocessing | undefined> {
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined)
    if (text !== undefined) return readPreprocessorConfig(parseJson(text, place), place)
  }
  return undefined
}

/** @throws `preprocessing/config` when the file is no JSON. */
export function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (cause) {
    throw new LookalikeError(
      'preprocessing/config',
      { problem: `${name} is not JSON`, fix: 'Download the file again.' },
      { fields: { file: name }, cause },
    )
  }
}
