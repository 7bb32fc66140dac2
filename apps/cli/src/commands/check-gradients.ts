import { readFile } from 'node:fs/promises'
import { LookalikeError } from '@lookalike/core'
import type { GradientCase } from '@lookalike/onnx'
import { z } from 'zod'
import { commonArgs, defineCommand } from '../command.js'
import { EXIT } from '../exit-codes.js'
import { renderTable } from '../terminal/render-table.js'

/** A relative error above this is a wrong gradient. */
const LIMIT = 1e-3

const values = z.object({ shape: z.array(z.int().min(0)), data: z.array(z.number()) })
const caseSchema = z.object({
  input: values,
  output: values,
  outputGradient: values,
  inputGradient: values.optional(),
  initializerGradients: z.record(z.string(), values),
})

export const checkGradientsCommand = defineCommand({
  name: 'check-gradients',
  args: {
    model: { type: 'positional', required: true, valueHint: 'model.onnx', description: 'The model.' },
    case: {
      type: 'string',
      valueHint: 'file.json',
      description: 'Input, output and gradients that another implementation computed. Default: finite differences.',
    },
    ...commonArgs,
  },
  examples: [
    ['lookalike check-gradients encoder.onnx', 'against finite differences'],
    ['lookalike check-gradients encoder.onnx --case case.json', 'against the figures of another implementation'],
  ],
  takesOverrides: false,
  async run(args, { output }) {
    const { checkGradients, loadModel } = await import('@lookalike/onnx')
    const given = args.case === undefined ? undefined : await readCase(args.case)
    const { method, tensors } = await checkGradients(await loadModel(args.model), given ? { case: given } : {})
    // Not a number is as wrong as can be, and compares as false.
    const wrong = tensors.filter(({ error }) => !(error <= LIMIT))
    output.result({ ok: wrong.length === 0, method, limit: LIMIT, tensors })
    output.print(
      renderTable(
        ['relative error', 'tensor'],
        tensors.map(({ name, error }) => [`${error.toExponential(2)}${error <= LIMIT ? '' : ' ✗'}`, name]),
      ),
    )
    output.print()
    output.print(
      wrong.length === 0
        ? `All ${tensors.length} tensors agree with ${method === 'case' ? 'the case' : 'finite differences'} within ${LIMIT}.`
        : `${wrong.length} of ${tensors.length} tensors differ by more than ${LIMIT}.`,
    )
    return wrong.length === 0 ? EXIT.ok : EXIT.failure
  },
})

async function readCase(file: string): Promise<GradientCase> {
  const fail = (problem: string, cause: unknown): never => {
    throw new LookalikeError(
      'cli/case',
      {
        problem: `The case ${file} ${problem}`,
        expected:
          'JSON with input, output, outputGradient, initializerGradients and optionally inputGradient, each {shape, data}',
      },
      { fields: { path: file }, cause },
    )
  }
  let value: unknown
  try {
    value = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    return fail(`cannot be read: ${(cause as Error).message}`, cause)
  }
  const parsed = caseSchema.safeParse(value)
  return parsed.success
    ? (parsed.data as GradientCase)
    : fail(`does not fit: ${z.prettifyError(parsed.error)}`, parsed.error)
}
