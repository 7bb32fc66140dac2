import type { Registry } from '@lookalike/core'
import type { Config } from '@lookalike/pipeline'
import type { Output } from './terminal/create-output.js'

/** The encoders that come with the package. */
const SMALL = ['builtin', 'mini']

/** One line on stderr: which encoder embeds and what it is for, and, for one of ours, that a larger one is a flag away. */
export function noteEncoder(
  output: Output,
  { encoder, combiner }: Pick<Config, 'encoder' | 'combiner'>,
  registry: Registry,
): void {
  if (output.json || output.quiet || combiner !== undefined || encoder === undefined) return
  const model = encoder.options.model
  const about = typeof model === 'string' ? model : registry.get('encoder', encoder.use).description
  const larger = SMALL.includes(encoder.use) ? ' A larger one, where a model hub can be reached: --encoder=dinov2' : ''
  output.note(`Encoder: ${encoder.use}. ${about}${larger}`)
}
