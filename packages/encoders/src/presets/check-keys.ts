import type { Preprocessing } from '@lookalike/core'
import { configError } from './config-error.js'
import { KNOWN_KEYS, type ProcessorConfig, sizeOf } from './processor-config.js'

/** Keys that change no pixel of an encoder's input. */
const HARMLESS: ReadonlySet<string> = new Set([
  '_name_or_path',
  '_valid_processor_keys',
  '_commit_hash',
  'auto_map',
  'processor_class',
  'tokenizer_class',
  'transformers_version',
  'model_input_names',
  'model_type',
  'data_format',
  'input_data_format',
  'return_tensors',
  'return_metadata',
  'device',
  'disable_grouping',
  'num_channels',
  'patch_size',
  'image_seq_length',
  'image_seq_len',
  'num_image_tokens',
  'id2label',
  'label2id',
  'num_labels',
  'do_reduce_labels',
  'reduce_labels',
  // Every image is made RGB here.
  'do_convert_rgb',
  'image_size',
])

/**
 * Refuses what would change pixels and is not obeyed: padding that is more than nothing, steps that are switched on, and keys that nobody knows.
 *
 * @throws `preprocessing/config` naming the key.
 */
export function checkKeys(config: ProcessorConfig, crop: Preprocessing['crop'], name: string): void {
  if (config.do_pad === true) checkPadding(config, crop, name)
  for (const [key, value] of Object.entries(config)) {
    if (KNOWN_KEYS.has(key) || HARMLESS.has(key)) continue
    // A step that is switched off is no step; Pillow's resizing is antialiased.
    if (value === false && key !== 'antialias') continue
    if (key === 'antialias' && value === true) continue
    throw configError(name, `${key} is ${JSON.stringify(value)}, which may change pixels and is not known here`)
  }
}

function checkPadding({ pad_size }: ProcessorConfig, crop: Preprocessing['crop'], name: string): void {
  const size = pad_size === undefined ? undefined : sizeOf(pad_size, true, 'pad_size', name)
  if (size && 'height' in size && size.height === crop.height && size.width === crop.width) return
  throw configError(name, `do_pad is true, and padding to ${JSON.stringify(pad_size ?? 'the batch')} is not known here`)
}
