import { LookalikeError } from '@lookalike/core'
import { notWhole } from '../model/not-whole.js'

/** What the runtime said when it refused or failed, without the places in its source code and other noise. */
export function runtimeText(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text
    .replace(/\/\S*onnxruntime\S*\.(cc|h|cpp):\d+\s*/g, '')
    .replace(/onnxruntime::\S+\([^)]*\)\s*/g, '')
    .replace(/Non-zero status code returned while running \S+ node\.\s*/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\.$/, '')
}

/** Why a model could not be opened, as an error with a code of its own where the cause is known. */
export function sessionError(cause: unknown, name: string | undefined): LookalikeError {
  const model = name ?? 'the model'
  const text = runtimeText(cause)
  const found = FAULTS.find(({ sign }) => sign.test(text))
  if (found?.code === 'onnx/not-onnx') return notWhole(name ?? 'The model', undefined, cause)
  const [problem, fix] = found
    ? [`onnxruntime cannot run ${model}: ${text}`, found.fix]
    : [`onnxruntime refuses ${model}: ${text}`, 'Check the file with onnx.checker.check_model, or export it again.']
  return new LookalikeError(
    found?.code ?? 'onnx/session',
    { problem, fix },
    { fields: { model: name, ...operatorOf(text) }, cause },
  )
}

/** Why a run failed, naming the node. */
export function runError(cause: unknown, name: string | undefined): LookalikeError {
  const whole = cause instanceof Error ? cause.message : String(cause)
  const [, op, node] = /while running (\S+) node\. Name:\s*'([^']*)'/.exec(whole) ?? []
  const where = op ? ` in the node ${node || '(unnamed)'} (${op})` : ''
  const text = runtimeText(cause).replace(/^Name:\s*'[^']*'\s*Status Message:\s*/, '')
  const memory = MEMORY.test(whole)
  return new LookalikeError(
    memory ? 'onnx/memory' : 'onnx/run',
    {
      problem: `${name ? `The model ${name}` : 'The model'} failed while running${where}: ${text}`,
      fix: memory
        ? 'Use fewer images at once (batchSize), or a machine with more memory.'
        : 'Check that inputs of this size and number are what it was exported for.',
    },
    { fields: { model: name, op, node }, cause },
  )
}

const MEMORY = /bad_alloc|failed to allocate|not enough memory|allocation failed/i

const FAULTS: readonly { readonly sign: RegExp; readonly code: string; readonly fix: string }[] = [
  { sign: /protobuf parsing failed|failed to load model because protobuf/i, code: 'onnx/not-onnx', fix: '' },
  {
    sign: /could not find an implementation/i,
    code: 'onnx/operator',
    fix: 'The runtime has no kernel for this operator with these types: export the model with float32 inputs and weights.',
  },
  {
    sign: /no op registered|is not a registered (function\/)?op|unrecognized operator/i,
    code: 'onnx/operator',
    fix: 'Export the model with operators of ONNX alone, or with an older opset (17 is widely understood).',
  },
  {
    sign: /opset \d+ is under development|is not supported yet|only \*guarantees\* support/i,
    code: 'onnx/opset',
    fix: 'Export the model with an older opset (17 is widely understood), or install a later onnxruntime-node.',
  },
  {
    sign: /unsupported model ir version/i,
    code: 'onnx/ir-version',
    fix: 'Export the model with an older version of the onnx package, or install a later onnxruntime-node.',
  },
  {
    sign: /external data|external initializer|model_path must not be empty|external_data/i,
    code: 'onnx/external-data',
    fix: 'Put the file that came with the model beside it, whole and under its own name.',
  },
  { sign: MEMORY, code: 'onnx/memory', fix: 'Use a smaller model, or a machine with more memory.' },
]

/** The operator that a text of the runtime names. */
function operatorOf(text: string): Record<string, string> {
  const [, op] = /(?:implementation for|No Op registered for|Op \()\s*([A-Za-z.]*[A-Za-z]+)/.exec(text) ?? []
  return op === undefined ? {} : { op }
}
