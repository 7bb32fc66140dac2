import { type Interpolation, isRecord } from '@lookalike/core'
import * as z from 'zod'
import { configError } from './config-error.js'

const edge = z.int().positive()
const pair = z.tuple([edge, edge])

/** Edges in pixels; `short` where only the short edge is said. */
export type Size = { readonly short: number } | { readonly height: number; readonly width: number }

const sizeSchema = z.union([
  edge,
  pair,
  z.strictObject({ shortest_edge: edge }),
  z.strictObject({ height: edge, width: edge }),
])
const factor = z.number()
const three = z.tuple([factor, factor, factor])
/** One number stands for all channels. */
const tripleSchema = z.union([three, factor.transform((value): [number, number, number] => [value, value, value])])

/** Pillow's numbers and their names. */
const RESAMPLE: readonly Interpolation[] = ['nearest', 'lanczos', 'bilinear', 'bicubic', 'box', 'hamming']
const resampleSchema = z.union([
  z
    .int()
    .min(0)
    .max(5)
    .transform((number) => RESAMPLE[number]!),
  z.string().transform((given, context) => {
    const found = RESAMPLE.find((name) => name === given.toLowerCase().replace(/^pilimageresampling\./, ''))
    if (found) return found
    context.addIssue({ code: 'custom', message: `expected one of ${RESAMPLE.join(', ')}, or Pillow's number` })
    return z.NEVER
  }),
])

const schema = z.looseObject({
  image_processor_type: z.string().optional(),
  feature_extractor_type: z.string().optional(),
  do_resize: z.boolean().optional(),
  size: z.union([edge, pair, z.looseObject({})]).optional(),
  default_to_square: z.boolean().optional(),
  resample: resampleSchema.optional(),
  crop_pct: z.number().positive().optional(),
  do_center_crop: z.boolean().optional(),
  crop_size: sizeSchema.optional(),
  do_rescale: z.boolean().optional(),
  rescale_factor: z.number().positive().optional(),
  rescale_offset: z.boolean().optional(),
  offset: z.boolean().optional(),
  do_normalize: z.boolean().optional(),
  image_mean: tripleSchema.optional(),
  image_std: tripleSchema.optional(),
  include_top: z.boolean().optional(),
  do_flip_channel_order: z.boolean().optional(),
  do_pad: z.boolean().optional(),
  pad_size: sizeSchema.optional(),
})
export type ProcessorConfig = z.infer<typeof schema>

/** The keys that are obeyed, or looked at. */
export const KNOWN_KEYS: ReadonlySet<string> = new Set(Object.keys(schema.shape))

/**
 * Checks a processor's config. A config of several processors is entered at its image processor; what is null is as if it were not there.
 *
 * @throws `preprocessing/config` naming the key.
 */
export function parseProcessorConfig(json: unknown, name: string): ProcessorConfig {
  const inner = imageProcessorOf(json)
  const present = isRecord(inner)
    ? Object.fromEntries(Object.entries(inner).filter(([, value]) => value !== null))
    : inner
  const parsed = schema.safeParse(present)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw configError(name, `${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'invalid'}`)
}

function imageProcessorOf(json: unknown): unknown {
  if (typeof json !== 'object' || json === null) return json
  const { image_processor, feature_extractor } = json as Readonly<Record<string, unknown>>
  return [image_processor, feature_extractor].find((value) => typeof value === 'object' && value !== null) ?? json
}

/** `size` in one shape; a lone number is the short edge or both, as `square` says. */
export function sizeOf(value: unknown, square: boolean, key: string, name: string): Size {
  const parsed = sizeSchema.safeParse(value)
  if (!parsed.success) {
    throw configError(
      name,
      `${key} is ${JSON.stringify(value)}; what can be followed is a number, [height, width], { height, width } or { shortest_edge }`,
    )
  }
  const { data } = parsed
  if (typeof data === 'number') return square ? { height: data, width: data } : { short: data }
  if (Array.isArray(data)) return { height: data[0], width: data[1] }
  return 'shortest_edge' in data ? { short: data.shortest_edge } : { height: data.height, width: data.width }
}
