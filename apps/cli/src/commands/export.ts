import path from 'node:path'
import { isLookalikeError, type LookalikeError, toWarning } from '@lookalike/core'
import { exportGallery, TABLE_FORMATS } from '@lookalike/gallery'
import type { Config, Pipeline } from '@lookalike/pipeline'
import { type CommandContext, commonArgs, configArgs, defineCommand } from '../command.js'
import { queryEncoder } from '../export/query-encoder.js'
import { describeLoss, type Measure, type MeasuredRecall, recallLoss } from '../export/recall-loss.js'
import { vectorTable } from '../export/vector-table.js'
import { withGallery } from '../gallery/with-gallery.js'
import { openProject, withModel, withPipeline } from '../open-project.js'
import { choiceOption, numberOption } from '../terminal/numbers.js'

export const exportCommand = defineCommand({
  name: 'export',
  args: {
    what: { type: 'positional', required: true, valueHint: 'gallery|model', description: 'What is written.' },
    to: {
      type: 'positional',
      required: true,
      valueHint: 'to',
      description:
        'Of a gallery: a file that ends in .npy, .jsonl, .parquet or .safetensors; - is standard output. Of a model: a new folder.',
    },
    format: {
      type: 'string',
      valueHint: TABLE_FORMATS.join('|'),
      description: "Of a gallery: what the file is, where its name does not say so. Default: by the name's ending.",
    },
    opset: { type: 'string', valueHint: 'number', description: "Of a model: version of ONNX's operators." },
    'ir-version': { type: 'string', valueHint: 'number', description: 'Of a model: version of the ONNX file format.' },
    for: {
      type: 'string',
      valueHint: 'transformers|browser',
      default: 'transformers',
      description: 'Of a model: who opens it. browser: a page, by @lookalike/browser.',
    },
    int8: {
      type: 'boolean',
      description:
        'Of a model: 8-bit weights, for browsers in place of the 16-bit ones, else beside the full ones. Where the config names a dataset, what they cost in recall@1 is measured.',
    },
    'with-gallery': {
      type: 'boolean',
      description: "For browsers: the config's gallery, as 8-bit vectors and small pictures.",
    },
    webgpu: {
      type: 'boolean',
      description: 'For browsers: the files for graphics cards too (28 MB more on the server).',
    },
    model: {
      type: 'string',
      alias: 'm',
      valueHint: 'file.onnx',
      description: "The model to export, instead of the config's encoder.",
    },
    ...configArgs,
    ...commonArgs,
  },
  examples: [
    ['lookalike export gallery shop.parquet', 'ids, metadata and vectors in one table'],
    ['lookalike export gallery shop.npy', 'a matrix for NumPy, faiss or hnswlib; shop.ids.jsonl beside it'],
    ['lookalike export model ./my-model --model runs/shop/model.onnx', 'for transformers.js and Python'],
    ['lookalike export model ./my-model --opset 17 --ir-version 8', 'for an older runtime'],
    ['lookalike export model ./page --for browser --with-gallery', 'for a page that searches by itself'],
  ],
  takesOverrides: true,
  async run(args, context) {
    const what = choiceOption('What to export', args.what, ['gallery', 'model'])
    const project = await openProject(args, withModel(context.overrides, args.model))
    const reader = choiceOption('--for', args.for, ['transformers', 'browser'])
    await withPipeline(project, context, async (pipeline) => {
      if (what === 'gallery') return writeGallery(pipeline, args.to, args.format, context)
      const { newFolder } = await import('@lookalike/encoders')
      await newFolder(args.to)
      const measure = (file?: string) => recallOf(file, project.loaded.config, args, context)
      if (reader === 'transformers') {
        const { opset, 'ir-version': irVersion, int8 = false } = args
        return writeModel(pipeline, args.to, { opset, irVersion, int8, measure }, context)
      }
      const { writeBrowserFolder } = await import('../export/write-browser-folder.js')
      return writeBrowserFolder(
        pipeline,
        args.to,
        {
          int8: args.int8 === true,
          gallery: args['with-gallery'] === true,
          webgpu: args.webgpu === true,
          measure,
        },
        context,
      )
    })
  },
})

async function writeGallery(
  pipeline: Pipeline,
  to: string,
  given: string | undefined,
  { output, operation }: CommandContext,
): Promise<void> {
  const table = vectorTable(to, given, output)
  await withGallery(pipeline, 'read', output, async ({ gallery, place }) => {
    const { space, dim } = gallery
    const images = await exportGallery(gallery, await table.open(gallery), { folder: table.folder, ...operation })
    output.finish()
    output.result({ file: path.resolve(to), format: table.format, space, dim, images })
    if (!table.toStdout) output.print(`${to}: ${images} x ${dim} numbers of ${space}, from ${place}`)
  })
}

async function writeModel(
  pipeline: Pipeline,
  to: string,
  given: {
    readonly opset: string | undefined
    readonly irVersion: string | undefined
    readonly int8: boolean
    readonly measure: Measure
  },
  { output }: CommandContext,
): Promise<void> {
  const whole = (name: string, text: string | undefined) =>
    text === undefined ? undefined : numberOption(name, text, 'a whole number', (value) => Number.isInteger(value))
  const { exportModel, QUANTISED_FILE } = await import('@lookalike/encoders')
  const { renderModelCard } = await import('@lookalike/pipeline')
  const encoder = await queryEncoder(pipeline)
  const preprocessing = encoder.input.kind === 'pixels' ? encoder.input.preprocessing : undefined
  // What cannot be measured is known before anything is written.
  const before = given.int8 ? await given.measure() : undefined
  const done = await exportModel(encoder, to, {
    opset: whole('opset', given.opset),
    irVersion: whole('ir-version', given.irVersion),
    int8: given.int8,
    readme: renderModelCard({
      name: path.basename(path.resolve(to)),
      encoder: encoder.name,
      dim: encoder.dim,
      preprocessing,
      file: 'onnx/model.onnx',
    }),
    onWarning: output.warn,
  })
  const recall = await recallLoss(given.measure, before, path.join(done.folder, QUANTISED_FILE))
  output.finish()
  output.result({
    ...done,
    name: encoder.name,
    space: encoder.space,
    dim: encoder.dim,
    'recall@1': recall,
  })
  output.print(`${to}: ${done.files.join(', ')} (opset ${done.opset}, IR version ${done.irVersion})`)
  if (recall) output.print(describeLoss(recall))
  output.print(`Upload it: lookalike push ${to} <owner>/<name>`)
}

/**
 * recall@1 by search alone, of the model whose queries the encoder in a file embeds: on the validation images, or where there are none on those that
 * the config evaluates. Where there is nothing to measure a warning says so.
 */
async function recallOf(
  file: string | undefined,
  { dataset, evaluate }: Pick<Config, 'dataset' | 'evaluate'>,
  args: Parameters<typeof openProject>[0] & { readonly model?: string | undefined },
  context: CommandContext,
): Promise<MeasuredRecall | undefined> {
  const { output, operation } = context
  if (dataset === undefined) return undefined
  const { createOnnxEncoder } = await import('@lookalike/encoders')
  const asking = file === undefined ? undefined : await createOnnxEncoder({ model: file })
  const on = async (split: string) => {
    const measured = { rerankers: [], 'evaluate.split': split, 'evaluate.ks': [1], 'evaluate.metrics': ['recall'] }
    const project = await openProject(args, { ...withModel(context.overrides, args.model), ...measured })
    const { stages } = await withPipeline(project, context, (pipeline) => pipeline.evaluate({ ...operation, asking }))
    const recall = stages[0]!.metrics['recall@1']
    return recall === undefined ? undefined : { split, recall }
  }
  const whereEmpty =
    <T>(then: (error: LookalikeError) => T) =>
    (error: unknown) => {
      if (!isLookalikeError(error, 'evaluate/empty')) throw error
      return then(error)
    }
  try {
    return await on('validation')
      .catch(whereEmpty(() => on(evaluate.split)))
      .catch(whereEmpty((error) => void output.warn(toWarning(error))))
  } finally {
    await asking?.dispose()
  }
}
