import { createRandom, type Loss, type LossInput, type LossOutput, type UnboundLoss } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { firstNotFinite, largestDifference, largestValue, short } from '../compare.js'
import { checkCommon, checkText } from '../contract.js'
import { createParts, type Parts } from '../parts.js'
import { slopes } from './finite-differences.js'
import { reorderRows, sampleLossBatch } from './sample-batch.js'

export interface LossCheckOptions {
  /** Length of the embeddings. Default: 6. */
  readonly dim?: number
  /** Classes that the loss is bound to; 0 for losses on triples. Default: 4. */
  readonly classes?: number
  /** The step that the checks pretend to be at. Default: 0. */
  readonly step?: number
  /** Default: 100. */
  readonly totalSteps?: number
  /** False for losses whose gradient is meant to be another one than the value's: with weights taken as constants, say. */
  readonly exactGradients?: boolean
  /** How far a slope may be from the one by finite differences, as a share of the largest. Default: 0.02. */
  readonly tolerance?: number
  /** Length of the steps of the finite differences. Default: 0.01; steep losses need less. */
  readonly difference?: number
}

interface Subject {
  readonly options: Required<LossCheckOptions>
  readonly losses: Parts<Loss>
  bindAgain(): Promise<Loss>
  batch(seed?: number, rows?: number, classes?: number): LossInput
}

const ROWS = 12
const DIRECTIONS = 12

/** Computes without leaving a trace in what the loss remembers. */
async function compute(loss: Loss, batch: LossInput): Promise<LossOutput> {
  const before = loss.state?.()
  const output = await loss.compute(batch)
  if (before) loss.restore?.(before)
  return output
}

function arraysOf(loss: Loss, batch: LossInput, { gradients }: LossOutput) {
  return [
    { what: 'the embeddings', data: batch.embeddings, gradient: gradients.embeddings },
    ...loss.parameters.map(({ name, data }) => ({
      what: `the parameter "${name}"`,
      data,
      gradient: gradients.parameters[name]!,
    })),
  ]
}

/** Describes what is wrong with the shape of an answer; nothing where it is right. */
function shapeProblems(loss: Loss, batch: LossInput, { value, gradients, logs }: LossOutput): string[] {
  const problems: string[] = []
  if (!Number.isFinite(value)) problems.push(`the value is ${value}`)
  const own = new Map(loss.parameters.map(({ name, data }) => [name, data.length]))
  const arrays: (readonly [string, Float32Array | undefined, number])[] = [
    ['the embeddings', gradients?.embeddings, batch.embeddings.length],
    ...[...own].map(([name, length]) => [`the parameter "${name}"`, gradients?.parameters?.[name], length] as const),
  ]
  for (const [what, gradient, length] of arrays) {
    if (!gradient) problems.push(`there is no gradient for ${what}`)
    else if (gradient.length !== length)
      problems.push(`the gradient for ${what} has ${gradient.length} values; expected: ${length}`)
    else if (firstNotFinite(gradient) >= 0)
      problems.push(`the gradient for ${what} holds ${gradient[firstNotFinite(gradient)]}`)
  }
  for (const name of Object.keys(gradients?.parameters ?? {}))
    if (!own.has(name)) problems.push(`there is a gradient for "${name}", which is no parameter of the loss`)
  for (const [name, number] of Object.entries(logs ?? {}))
    if (!Number.isFinite(number)) problems.push(`the log "${name}" is ${number}`)
  return problems
}

const checks: readonly Check<Subject>[] = [
  {
    id: 'loss/contract',
    claim: 'says what it is: name, input, parameters',
    async run({ losses }, report) {
      const loss = await losses.shared()
      checkCommon(loss, report)
      if (loss.input !== 'labels' && loss.input !== 'triples')
        report(`input is ${JSON.stringify(loss.input)}; expected: "labels" or "triples"`)
      const names = new Set<string>()
      for (const { name, shape, data, learningRateFactor, decay } of loss.parameters) {
        checkText(name, 'the name of a parameter', report)
        if (names.has(name)) report(`two parameters are called "${name}"`)
        names.add(name)
        const size = shape.reduce((product, length) => product * length, 1)
        if (data.length !== size)
          report(`the parameter "${name}" has ${data.length} values; expected: ${shape.join(' x ')}`)
        if (firstNotFinite(data) >= 0)
          report(`the parameter "${name}" starts with ${data[firstNotFinite(data)]} at ${firstNotFinite(data)}`)
        if (!(learningRateFactor >= 0 && Number.isFinite(learningRateFactor)))
          report(`the learning rate factor of "${name}" is ${learningRateFactor}`)
        if (typeof decay !== 'boolean') report(`decay of "${name}" is ${String(decay)}; expected: true or false`)
      }
      if ((loss.state === undefined) !== (loss.restore === undefined))
        report('it has one of state and restore; expected: both or none')
    },
  },
  {
    id: 'loss/shape',
    claim: 'gives a finite value with gradients for the embeddings and each parameter',
    async run({ losses, batch }, report) {
      const loss = await losses.shared()
      for (const problem of shapeProblems(loss, batch(), await compute(loss, batch()))) report(problem)
    },
  },
  {
    id: 'loss/gradients',
    claim: 'has the gradients that finite differences find',
    async run({ losses, batch, options }, report) {
      if (!options.exactGradients) return NOT_CLAIMED
      const loss = await losses.shared()
      const input = batch()
      const output = await compute(loss, input)
      const value = async () => (await compute(loss, input)).value
      let seen = 0
      for (const { what, data, gradient } of arraysOf(loss, input, output)) {
        const found = await slopes(value, data, gradient, DIRECTIONS, options.difference)
        if (found.length === 0) {
          report(
            `no slope of the value could be measured along ${what}: it jumps or bends everywhere; a smaller "difference" may help`,
          )
          continue
        }
        const scale = Math.max(...found.map(({ numeric, analytic }) => Math.max(Math.abs(numeric), Math.abs(analytic))))
        seen = Math.max(seen, scale)
        const worst = found.reduce((a, b) =>
          Math.abs(b.numeric - b.analytic) - b.doubt > Math.abs(a.numeric - a.analytic) - a.doubt ? b : a,
        )
        if (Math.abs(worst.numeric - worst.analytic) > options.tolerance * scale + worst.doubt) {
          report(
            `along ${what} the value changes by ${short(worst.numeric)} a step, and the gradient says ${short(worst.analytic)}`,
          )
        }
      }
      if (seen === 0) report('the value does not depend on the embeddings of a batch with several classes')
    },
  },
  {
    id: 'loss/empty-batch',
    claim: 'gives 0 and no gradient for a batch without rows',
    async run({ losses, batch }, report) {
      const loss = await losses.shared()
      const input = batch(1, 0)
      const output = await compute(loss, input)
      for (const problem of shapeProblems(loss, input, output)) report(problem)
      if (output.value !== 0) report(`the value is ${output.value}; expected: 0`)
    },
  },
  {
    id: 'loss/single-class',
    claim: 'stays finite where there is nothing to tell apart',
    async run({ losses, batch }, report) {
      const loss = await losses.shared()
      const same = batch(2)
      const repeated = { ...same, embeddings: same.embeddings.map((_, i) => same.embeddings[i % same.dim]!) }
      const cases = { 'one class': batch(2, ROWS, 1), 'one row': batch(3, 1, 1), 'rows that are all equal': repeated }
      for (const [what, input] of Object.entries(cases)) {
        for (const problem of shapeProblems(loss, input, await compute(loss, input)))
          report(`in a batch with ${what}, ${problem}`)
      }
    },
  },
  {
    id: 'loss/order',
    claim: 'does not depend on the order of the rows',
    async run({ losses, batch }, report) {
      const loss = await losses.shared()
      const input = batch(4)
      const order = createRandom('order').permutation(input.rows)
      const plain = await compute(loss, input)
      const turned = await compute(loss, reorderRows(input, order))
      if (Math.abs(plain.value - turned.value) > 1e-4 * Math.max(1, Math.abs(plain.value)))
        report(`the value is ${short(plain.value)}, and ${short(turned.value)} with the rows in another order`)
      const expected = reorderRows({ ...input, embeddings: plain.gradients.embeddings }, order).embeddings
      const limit = 1e-3 * Math.max(largestValue(expected), 1e-3)
      const difference = largestDifference(expected, turned.gradients.embeddings)
      if (!(difference <= limit))
        report(`the gradients of the embeddings differ by ${short(difference)} with the rows in another order`)
    },
  },
  {
    id: 'loss/deterministic',
    claim: 'gives the same again, and starts the same for the same seed',
    async run({ losses, bindAgain, batch }, report) {
      const loss = await losses.shared()
      const [first, second] = [await compute(loss, batch()), await compute(loss, batch())]
      if (
        first.value !== second.value ||
        largestDifference(first.gradients.embeddings, second.gradients.embeddings) !== 0
      ) {
        report(
          `the same batch gave ${first.value} and then ${second.value}; a loss that remembers has to offer state and restore`,
        )
      }
      const other = await bindAgain()
      for (const [i, { name, data }] of loss.parameters.entries()) {
        if (largestDifference(data, other.parameters[i]?.data ?? []) !== 0)
          report(`bound twice with the same seed, the parameter "${name}" starts differently`)
      }
    },
  },
  {
    id: 'loss/untouched',
    claim: 'changes neither the batch nor its parameters',
    async run({ losses, batch }, report) {
      const loss = await losses.shared()
      const input = batch(5)
      const before = input.embeddings.slice()
      const parameters = loss.parameters.map(({ data }) => data.slice())
      await compute(loss, input)
      if (largestDifference(before, input.embeddings) !== 0) report('the embeddings had other values afterwards')
      loss.parameters.forEach(({ name, data }, i) => {
        if (largestDifference(parameters[i]!, data) !== 0)
          report(`the parameter "${name}" had other values afterwards: the trainer updates it`)
      })
    },
  },
  {
    id: 'loss/output',
    claim: 'hands out gradients that later calls do not change',
    async run({ losses, batch }, report) {
      const loss = await losses.shared()
      const { gradients } = await compute(loss, batch(6))
      const kept = [gradients.embeddings, ...Object.values(gradients.parameters)]
      const before = kept.map((array) => array.slice())
      await compute(loss, batch(7))
      if (kept.some((array, i) => largestDifference(before[i]!, array) !== 0))
        report('the gradients of one call changed with the next; expected: new arrays for every call')
    },
  },
  {
    id: 'loss/state',
    claim: 'goes on from a restored state as if it had not stopped',
    async run({ losses, bindAgain, batch, options }, report) {
      const loss = await losses.shared()
      if (!loss.state || !loss.restore) return NOT_CLAIMED
      const before = loss.state()
      const steps = [1, 2, 3].map((number) => ({ ...batch(10 + number), step: options.step + number }))
      for (const input of steps) await loss.compute(input)
      const saved = structuredClone(loss.state())
      const next = batch(20)
      const other = await bindAgain()
      loss.parameters.forEach(({ data }, i) => other.parameters[i]!.data.set(data))
      other.restore?.(saved)
      const [wanted, given] = [await compute(loss, next), await compute(other, next)]
      if (
        wanted.value !== given.value ||
        largestDifference(wanted.gradients.embeddings, given.gradients.embeddings) !== 0
      ) {
        report(`after restoring its state, the next batch gave ${given.value} instead of ${wanted.value}`)
      }
      loss.restore(before)
    },
  },
  {
    id: 'loss/dispose',
    claim: 'can be put away, twice too, without harm to others of its kind',
    async run({ bindAgain, batch }, report) {
      const [one, other] = [await bindAgain(), await bindAgain()]
      await one.compute(batch())
      one.dispose()
      try {
        one.dispose()
      } catch (error) {
        report(`a second dispose failed: ${String(error)}`)
      }
      try {
        await other.compute(batch())
      } catch (error) {
        report(`after one was put away, another could not compute: ${String(error)}`)
      }
    },
  },
]

export const lossSuite: Suite<UnboundLoss, LossCheckOptions, Subject> = {
  checks,
  open(create, given) {
    const options = {
      dim: 6,
      classes: 4,
      step: 0,
      totalSteps: 100,
      exactGradients: true,
      tolerance: 0.02,
      difference: 0.01,
      ...given,
    }
    const { dim, classes, step, totalSteps } = options
    const losses = createParts(
      async () => (await create()).bind({ dim, classes, seed: 1 }),
      (loss) => loss.dispose(),
    )
    return {
      options,
      losses,
      bindAgain: losses.fresh,
      batch: (seed = 0, rows = ROWS, most = classes) =>
        sampleLossBatch(seed, { rows, dim, classes: Math.max(1, Math.min(most, classes)) }, { step, totalSteps }),
    }
  },
  close: ({ losses }) => losses.close(),
}

/**
 * Checks a loss: gradients by finite differences, batches without anything to learn from, independence of the rows' order,
 * parameters, state, disposal.
 *
 * @example
 * const issues = await checkLoss(() => myLoss({ margin: 0.2 }), { dim: 8 })
 */
export const checkLoss = (create: Create<UnboundLoss>, options: LossCheckOptions = {}): Promise<readonly Issue[]> =>
  runSuite(lossSuite, create, options)
