/** What the operands of an attention are made of: T tokens of N images, for each of them H heads of E values. */
export interface Size {
  readonly images: number
  readonly heads: number
  readonly tokens: number
  readonly each: number
}

/** At which position a value lies. */
type Place = (image: number, head: number, token: number, i: number) => number

/** The orders in which the values of an operand lie in memory. */
export const LAYOUTS = {
  /** [N, H, T, E] */
  heads:
    ({ heads, tokens, each }) =>
    (image, head, token, i) =>
      ((image * heads + head) * tokens + token) * each + i,
  /** [N, H, E, T] */
  transposed:
    ({ heads, tokens, each }) =>
    (image, head, token, i) =>
      ((image * heads + head) * each + i) * tokens + token,
  /** [N, T, H, E] */
  tokens:
    ({ heads, tokens, each }) =>
    (image, head, token, i) =>
      ((image * tokens + token) * heads + head) * each + i,
  /** [T, N, H, E] */
  sequence:
    ({ images, heads, each }) =>
    (image, head, token, i) =>
      ((token * images + image) * heads + head) * each + i,
} satisfies Record<string, (size: Size) => Place>

export type Layout = keyof typeof LAYOUTS

/** Whether two tensors hold the same values, each in a layout of its own. */
export function sameValues(a: Laid, b: Laid, size: Size): boolean {
  const [inA, inB] = [LAYOUTS[a.layout](size), LAYOUTS[b.layout](size)]
  return (
    isWhole(a, size) &&
    isWhole(b, size) &&
    everyPlace(size, (n, h, t, i) => a.positions[inA(n, h, t, i)] === b.positions[inB(n, h, t, i)])
  )
}

export interface Laid {
  readonly positions: Float32Array
  readonly layout: Layout
}

export interface Columns {
  /** From which column of its product each value of each head comes. */
  readonly columns: readonly number[]
  /** In what order the rows of the product are. */
  readonly rows: 'tokens' | 'sequence'
}

/** The columns of a product [rows, width] that an operand consists of; undefined unless they are the same for every token. */
export function columnsOf(operand: Laid, width: number, size: Size): Columns | undefined {
  const { images, heads, tokens, each } = size
  if (!isWhole(operand, size)) return undefined
  const place = LAYOUTS[operand.layout](size)
  const at: Place = (n, h, t, i) => operand.positions[place(n, h, t, i)]!
  const columns = Array.from({ length: heads * each }, (_, c) => at(0, Math.floor(c / each), 0, c % each))
  const rows = (['tokens', 'sequence'] as const).find((order) => {
    const row = (image: number, token: number) => (order === 'tokens' ? image * tokens + token : token * images + image)
    return everyPlace(
      size,
      (image, head, token, i) => at(image, head, token, i) === row(image, token) * width + columns[head * each + i]!,
    )
  })
  return rows && columns.every((column) => column < width) ? { columns, rows } : undefined
}

const isWhole = ({ positions }: Laid, { images, heads, tokens, each }: Size) =>
  positions.length === images * heads * tokens * each

function everyPlace(
  { images, heads, tokens, each }: Size,
  test: (image: number, head: number, token: number, i: number) => boolean,
): boolean {
  for (let image = 0; image < images; image++) {
    for (let head = 0; head < heads; head++) {
      for (let token = 0; token < tokens; token++) {
        for (let i = 0; i < each; i++) if (!test(image, head, token, i)) return false
      }
    }
  }
  return true
}
