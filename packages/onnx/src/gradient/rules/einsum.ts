import { type Rule, type RuleContext } from '../rule.js'

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'

interface Term {
  readonly letters: string
  /** Whose value, with the axes of size 1 that were broadcast taken away. */
  readonly value: string
}

/** The letters of each input and of the output, dots replaced by letters of their own. */
function parse(c: RuleContext): { inputs: string[]; output: string } {
  const equation = c.text('equation', '').replace(/\s/g, '')
  const [left, right] = equation.split('->') as [string, string | undefined]
  const given = left.split(',')
  const ranks = c.node.inputs.map((input) => c.shape(input).length)
  const dots = Math.max(
    0,
    ...given.map((term, i) => (term.includes('...') ? ranks[i]! - term.replace('...', '').length : 0)),
  )
  const free = [...LETTERS]
    .filter((letter) => !equation.includes(letter))
    .slice(0, dots)
    .join('')
  const inputs = given.map((term, i) =>
    term.replace('...', free.slice(dots - (ranks[i]! - term.replace('...', '').length))),
  )
  // Without an arrow the output has the letters that stand once, in order.
  const once = [...new Set(given.join('').replaceAll('.', ''))]
    .filter((letter) => left.split(letter).length === 2)
    .sort()
  const output = right === undefined ? (left.includes('...') ? free : '') + once.join('') : right.replace('...', free)
  return { inputs, output }
}

/** The gradient of each input is the product of the output's gradient and the other inputs, summed to the input's letters. */
export const einsum: Rule = (c) => {
  const { g } = c
  const { inputs, output } = parse(c)
  const twice = inputs.find((letters) => new Set(letters).size < letters.length)
  if (twice !== undefined) throw c.unsupported(`Einsum over a diagonal (${twice})`)
  const sizes = new Map<string, number>()
  inputs.forEach((letters, i) => {
    const shape = c.shape(c.node.inputs[i]!)
    ;[...letters].forEach((letter, axis) => sizes.set(letter, Math.max(sizes.get(letter) ?? 1, shape[axis]!)))
  })
  const terms = inputs.map((letters, i): Term => {
    const value = c.node.inputs[i]!
    const shape = c.shape(value)
    const kept = [...letters].filter((letter, axis) => shape[axis] === sizes.get(letter))
    if (kept.length === letters.length) return { letters, value }
    return {
      letters: kept.join(''),
      value: g.reshape(
        value,
        kept.map((letter) => sizes.get(letter)!),
      ),
    }
  })
  return terms.map((term, i) => {
    if (!c.wants(i)) return undefined
    const others = terms.filter((_, other) => other !== i)
    const known = new Set(output + others.map(({ letters }) => letters).join(''))
    const reached = [...term.letters].filter((letter) => known.has(letter)).join('')
    const equation = `${[output, ...others.map(({ letters }) => letters)].join()}->${reached}`
    const product = g.node('Einsum', [c.dy, ...others.map(({ value }) => value)], { equation })
    const shape = c.shape(c.node.inputs[i]!)
    if (reached.length === term.letters.length)
      return term.value === c.node.inputs[i] ? product : g.reshape(product, shape)
    // What was summed over in this input alone gets the same gradient everywhere.
    const open = [...inputs[i]!].map((letter, axis) => (reached.includes(letter) ? shape[axis]! : 1))
    return g.expand(g.reshape(product, open), shape)
  })
}

/** Keeps the upper or the lower triangle. */
export const trilu: Rule = (c) => [
  c.g.node('Trilu', [c.dy, ...c.node.inputs.slice(1)], { upper: c.integer('upper', 1) }),
]
