import { LookalikeError, type LossInput, type LossOutput, toInt32 } from '@lookalike/core'

/**
 * The labels of a batch, checked; they may come in any array of whole numbers.
 *
 * @param classes unless given, any class from 0 on is good
 * @throws `loss/labels`.
 */
export function checkLabels(name: string, input: LossInput, classes = Infinity): Int32Array {
  const { rows } = input
  if (input.labels === undefined || input.labels === null) {
    throw new LookalikeError(
      'loss/labels',
      {
        problem: `${name} got no labels`,
        expected: 'one class number an embedding',
        fix: 'Use a data set with labels, or a loss on triples.',
      },
      { fields: { rows, labels: 0, loss: name } },
    )
  }
  const labels = toInt32(input.labels, { code: 'loss/labels', name: `the labels of ${name}` })
  if (labels.length !== rows) {
    throw new LookalikeError(
      'loss/labels',
      {
        problem: `${name} got ${labels.length} labels for ${rows} embeddings`,
        expected: 'one class number an embedding',
        fix: 'Every embedding needs a label.',
      },
      { fields: { rows, labels: labels.length, loss: name } },
    )
  }
  const bad = labels.findIndex((label) => label < 0 || label >= classes)
  if (bad >= 0) {
    throw new LookalikeError(
      'loss/labels',
      {
        problem: `Row ${bad} of ${name} has label ${labels[bad]}`,
        expected:
          classes === Infinity ? '0 or more' : `0 to ${classes - 1}, for the ${classes} classes it was bound to`,
      },
      { fields: { row: bad, label: labels[bad], classes, loss: name } },
    )
  }
  return labels
}

/** What a batch without anything to learn from gives: 0 and zero gradients. */
export function zeroOutput(input: LossInput, parameters: Readonly<Record<string, Float32Array>> = {}): LossOutput {
  return {
    value: 0,
    gradients: {
      embeddings: new Float32Array(input.embeddings.length),
      parameters: Object.fromEntries(
        Object.entries(parameters).map(([name, data]) => [name, new Float32Array(data.length)]),
      ),
    },
    logs: {},
  }
}

/**
 * Refuses a value that no optimiser can use.
 *
 * @throws `loss/not-finite`.
 */
export function checkValue(name: string, value: number, step: number): void {
  if (Number.isFinite(value)) return
  throw new LookalikeError(
    'loss/not-finite',
    {
      problem: `${name} is ${value} at step ${step}`,
      expected: 'a finite value',
      fix: 'The model or the proxies diverged: lower the learning rate or clip the gradients.',
    },
    { fields: { step, loss: name } },
  )
}
