import { LookalikeError, type Preprocessing } from '@lookalike/core'
import { preprocessingSchema } from '@lookalike/image'
import type { OnnxModel } from '@lookalike/onnx'

const KEY = 'lookalike.preprocessing'

/** The entry of a model's metadata that carries its preprocessing. */
export function preprocessingEntry(preprocessing: Preprocessing): Record<string, string> {
  return { [KEY]: JSON.stringify(preprocessing) }
}

/**
 * The preprocessing that a model carries; undefined when it has none.
 *
 * @throws `preprocessing/metadata` when the entry is not a preprocessing spec.
 */
export function readPreprocessingEntry(model: OnnxModel, name: string): Preprocessing | undefined {
  const text = model.metadata[KEY]
  if (text === undefined) return undefined
  try {
    return preprocessingSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new LookalikeError(
      'preprocessing/metadata',
      {
        problem: `The metadata entry ${KEY} of ${name} is no preprocessing spec`,
        fix: 'Give the option `preprocessing` to say it yourself.',
      },
      { fields: { model: name, entry: text.slice(0, 200) }, cause },
    )
  }
}

/** @param places files that do not tell either */
export const noPreprocessing = (name: string, places: readonly string[] = []) =>
  new LookalikeError(
    'encoder/preprocessing',
    {
      problem: `Nothing tells how images become the input of ${name}: ${['no option', 'no metadata', ...places.map((place) => `no ${place}`)].join(', ')}`,
      fix: 'Set `preprocessing`: resize, crop, interpolation, mean and std that the model was trained with.',
    },
    { fields: { model: name, places } },
  )
