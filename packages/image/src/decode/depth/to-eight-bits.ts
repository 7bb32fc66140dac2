/** What is worth knowing of an image whose values did not fill their range. */
export type RangeNote =
  | { readonly kind: 'dark'; readonly bits: number }
  | { readonly kind: 'guessed'; readonly min: number; readonly max: number; readonly rule: string }
  | { readonly kind: 'no-numbers'; readonly count: number }

export interface EightBits {
  readonly data: Uint8Array
  readonly note?: RangeNote | undefined
}

/** Whether 8-bit values all lie in the lowest quarter: what a file of 10, 12 or 14 bits in 16 becomes. */
export function isDark(values: Uint8Array, channels: number): boolean {
  const colours = coloursOf(channels)
  for (let i = 0; i < values.length; i += channels)
    for (let c = 0; c < colours; c++) if (values[i + c]! > 63) return false
  return true
}

/**
 * Dark 16-bit values as 8-bit ones: by `range` where the file states one that holds them all, else without the low byte, as
 * Pillow does, and told.
 */
export function fromSixteenBits(
  values: Uint16Array,
  channels: number,
  range?: { readonly min: number; readonly max: number },
): EightBits {
  const data = new Uint8Array(values.length)
  const colours = coloursOf(channels)
  let max = 0
  for (let i = 0; i < values.length; i++) if (i % channels < colours && values[i]! > max) max = values[i]!
  const known = range && max <= range.max ? range : { min: 0, max: 65_535 }
  const width = known.max - known.min
  for (let i = 0; i < values.length; i++)
    data[i] =
      known === range && i % channels < colours ? clamp(((values[i]! - known.min) / width) * 255) : values[i]! >> 8
  const bits = 32 - Math.clz32(max)
  return known !== range && bits > 0 ? { data, note: { kind: 'dark', bits } } : { data }
}

/** Of grey, grey with alpha, RGB, RGBA. */
const coloursOf = (channels: number) => (channels === 2 || channels === 4 ? channels - 1 : channels)

/**
 * Numbers of any range as 8-bit ones: by `range` where the file states one, 0 to 1 as the format's own range of floating
 * point; else by the smallest guess that holds all values, which is told. What is not a number becomes black, and is told.
 *
 * @param depth of the file: `float`, `int`, ...
 */
export function fromNumbers(
  values: Float32Array,
  channels: number,
  depth: string,
  range?: { readonly min: number; readonly max: number },
): EightBits {
  const data = new Uint8Array(values.length)
  const colours = coloursOf(channels)
  let [min, max, odd] = [Infinity, -Infinity, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (i % channels >= colours) continue
    if (!Number.isFinite(value)) {
      odd++
      continue
    }
    if (value < min) min = value
    if (value > max) max = value
  }
  const { ends, rule } = endsOf(min, max, depth, range)
  const width = ends.max - ends.min
  for (let i = 0; i < values.length; i++) data[i] = clamp(((values[i]! - ends.min) / width) * 255)
  if (rule) return { data, note: { kind: 'guessed', min, max, rule } }
  return odd > 0 ? { data, note: { kind: 'no-numbers', count: odd } } : { data }
}

function endsOf(
  min: number,
  max: number,
  depth: string,
  range: { readonly min: number; readonly max: number } | undefined,
): { ends: { min: number; max: number }; rule?: string | undefined } {
  const between = (low: number, high: number) => min >= low && max <= high
  if (range && between(range.min, range.max)) return { ends: range }
  const floating = depth === 'float' || depth === 'double'
  // What uses little of it may mean another range.
  if (floating && between(0, 1))
    return { ends: { min: 0, max: 1 }, rule: max > 0 && max < 0.125 ? '0 to 1' : undefined }
  const whole = { char: [-128, 127], short: [-32_768, 32_767], uint: [0, 2 ** 32 - 1] }[depth]
  // Values that use an eighth of their type's range or more are taken to mean it.
  if (whole && max - min >= (whole[1]! - whole[0]!) / 8) return { ends: { min: whole[0]!, max: whole[1]! } }
  if (between(0, 255)) return { ends: { min: 0, max: 255 }, rule: '0 to 255' }
  if (!floating && between(0, 65_535) && max >= 8192) return { ends: { min: 0, max: 65_535 }, rule: '0 to 65,535' }
  return max > min
    ? { ends: { min, max }, rule: 'their own smallest to largest' }
    : { ends: { min: 0, max: 255 }, rule: '0 to 255' }
}

const clamp = (value: number) => (value > 0 ? Math.min(255, Math.round(value)) : 0)
