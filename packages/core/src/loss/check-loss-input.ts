import type { LossBinding, LossInput, LossTriple } from '../contracts/loss.js'
import { LookalikeError } from '../errors.js'
import { toFloat32 } from '../rows/numbers.js'

/**
 * What a loss is bound to, checked before anything is made for it.
 *
 * @throws `loss/shape`
 */
export function checkLossBinding(name: string, { dim }: Pick<LossBinding, 'dim'>): void {
  if (Number.isInteger(dim) && dim >= 1) return
  throw new LookalikeError(
    'loss/shape',
    { problem: `${name} was bound to ${shown(dim)} dimensions`, expected: 'a whole number, at least one' },
    { fields: { loss: name } },
  )
}

/**
 * A batch, checked before any arithmetic; embeddings may come in any array of numbers.
 *
 * @throws `loss/shape`, `loss/step`, `loss/not-finite` with the first bad row.
 */
export function checkLossInput(name: string, input: LossInput, binding: { readonly dim: number }): LossInput {
  if (typeof input !== 'object' || input === null) {
    throw new LookalikeError('loss/shape', {
      problem: `${name} got ${shown(input)}`,
      expected: 'a batch: { embeddings, rows, dim, labels or triples, step, totalSteps }',
    })
  }
  const { rows, dim } = input
  const embeddings = toFloat32(input.embeddings, { code: 'loss/shape', name: `the embeddings of ${name}` })
  if (!Number.isInteger(rows) || rows < 0 || dim !== binding.dim || embeddings.length !== rows * dim) {
    throw new LookalikeError(
      'loss/shape',
      {
        problem: `${name} got ${embeddings.length} values as ${shown(rows)} x ${shown(dim)} embeddings`,
        expected: `rows of ${binding.dim} values, which the loss was bound to`,
      },
      { fields: { rows, dim, length: embeddings.length, bound: binding.dim } },
    )
  }
  checkSteps(name, input)
  for (let i = 0; i < embeddings.length; i++) {
    // x - x is 0 for every finite x and NaN for infinities and NaN.
    if (embeddings[i]! - embeddings[i]! !== 0) {
      const row = Math.floor(i / dim)
      throw new LookalikeError(
        'loss/not-finite',
        {
          problem: `Row ${row} of the batch that ${name} got at step ${input.step} holds ${input.embeddings[i]}`,
          expected: 'finite embeddings in single precision',
          fix: 'The model diverged: lower the learning rate, clip the gradients, or look at the image of that row.',
        },
        { fields: { row, step: input.step, loss: name } },
      )
    }
  }
  return { ...input, embeddings }
}

/** Schedules and memories of past batches follow the steps: of what is no number they would make no numbers, or never begin. */
function checkSteps(name: string, { step, totalSteps }: LossInput): void {
  for (const [key, value] of Object.entries({ step, totalSteps })) {
    if (typeof value === 'number' && value >= 0) continue
    throw new LookalikeError(
      'loss/step',
      { problem: `The ${key} of the batch that ${name} got is ${shown(value)}`, expected: 'a number, 0 or more' },
      { fields: { loss: name } },
    )
  }
}

/**
 * The triples of a batch, checked.
 *
 * @throws `loss/triples` with the first bad one.
 */
export function checkLossTriples(name: string, { triples, rows }: LossInput): readonly LossTriple[] {
  if (!Array.isArray(triples)) {
    throw new LookalikeError('loss/triples', {
      problem: triples === undefined ? `${name} got no triples` : `The triples of ${name} are no array`,
      expected: 'row numbers of (reference, a, b)',
      fix: 'Use a data set with triples, or a loss on labels.',
    })
  }
  const graded = (grade: unknown) => grade === undefined || Number.isFinite(grade)
  const known = (row: unknown) => Number.isInteger(row) && (row as number) >= 0 && (row as number) < rows
  // A loop that meets the holes of an array too.
  for (let i = 0; i < triples.length; i++) {
    const { reference, a, b, target, classA, classB }: Partial<LossTriple> = triples[i] ?? {}
    if (!graded(classA) || !graded(classB)) {
      throw new LookalikeError('loss/triples', {
        problem: `Triple ${i} of ${name} has the classes ${shown(classA)} and ${shown(classB)}`,
        expected: 'numbers, or none',
      })
    }
    if ([reference, a, b].every(known) && typeof target === 'number' && target >= 0 && target <= 1) continue
    throw new LookalikeError(
      'loss/triples',
      {
        problem: `Triple ${i} of ${name} names the rows ${shown(reference)}, ${shown(a)}, ${shown(b)} of a batch of ${rows}, and ${shown(target)} as the probability that b is the closer one`,
        expected: `rows 0 to ${rows - 1}, and a probability of 0 to 1`,
      },
      { fields: { reference, a, b, target, rows } },
    )
  }
  return triples
}

/** With what tells text and big integers from numbers. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 40))
  if (typeof value === 'bigint') return `${value}n`
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
