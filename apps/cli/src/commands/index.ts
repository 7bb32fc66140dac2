import type { ArgsDef } from 'citty'
import type { Command, NamedCommand } from '../command.js'

/** All commands. Each is loaded when it is run, so that a quick one stays quick; the list of them needs none. */
const TABLE = {
  init: {
    description: 'Write a first config and its JSON Schema, and measure encoders on a few of your images.',
    load: () => import('./init.js').then(({ init }) => init),
  },
  index: {
    description: 'Embed images into a gallery. Unchanged images cost nothing, changed ones are replaced.',
    load: () => import('./index-images.js').then(({ indexImages }) => indexImages),
  },
  work: {
    description: 'Index images that "index --queue" shares out, beside other workers on other machines.',
    load: () => import('./work.js').then(({ work }) => work),
  },
  remove: {
    description: 'Take images out of a gallery; their files stay where they are.',
    load: () => import('./remove.js').then(({ remove }) => remove),
  },
  merge: {
    description: 'Take the images of other galleries of the same model into one; nothing is embedded again.',
    load: () => import('./merge.js').then(({ merge }) => merge),
  },
  verify: {
    description: 'Check the checksums of a gallery, and that its pictures are where it says.',
    load: () => import('./verify.js').then(({ verify }) => verify),
  },
  upgrade: {
    description: "Make a gallery fit the config's new query model or transforms, without its images.",
    load: () => import('./upgrade.js').then(({ upgrade }) => upgrade),
  },
  reject: {
    description: 'Keep the images that a gallery is least sure of out of its results, or take them back.',
    load: () => import('./reject.js').then(({ reject }) => reject),
  },
  search: {
    description: 'Find the images of a gallery that look most like the given ones.',
    load: () => import('./search.js').then(({ search }) => search),
  },
  serve: {
    description: 'Serve a gallery over HTTP: search, look, and with --write change it.',
    load: () => import('./serve.js').then(({ serve }) => serve),
  },
  duplicates: {
    description:
      'Find images that are the same or look the same, say which one to keep, and move the others away if wanted.',
    load: () => import('./duplicates.js').then(({ duplicates }) => duplicates),
  },
  cluster: {
    description: 'Sort the images of a gallery into groups that look alike: as folders, a table, or a page.',
    load: () => import('./cluster.js').then(({ cluster }) => cluster),
  },
  embed: {
    description: 'Write the embeddings of images as .npy, Parquet, safetensors or JSON lines.',
    load: () => import('./embed.js').then(({ embed }) => embed),
  },
  export: {
    description: 'Write a gallery as a table, or a model as a folder for transformers.js and Python.',
    load: () => import('./export.js').then(({ exportCommand }) => exportCommand),
  },
  import: {
    description: 'Take vectors that were made elsewhere into a gallery: .npy with ids, Parquet, JSON lines.',
    load: () => import('./import.js').then(({ importCommand }) => importCommand),
  },
  evaluate: {
    description: 'Measure the config on its dataset, before and after each reranker, and write a report with pictures.',
    load: () => import('./evaluate.js').then(({ evaluate }) => evaluate),
  },
  train: {
    description: "Train as the config says, into the run's folder; stages one after the other, and then measure.",
    load: () => import('./train.js').then(({ train }) => train),
  },
  push: {
    description: 'Upload the folder of a model to a model hub, as one commit.',
    load: () => import('./push.js').then(({ push }) => push),
  },
  report: {
    description: 'Compare runs: their figures in one table and one page.',
    load: () => import('./report.js').then(({ report }) => report),
  },
  label: {
    description:
      'Ask people in the browser which of two images is closer to a third, and write their answers as triples.',
    load: () => import('./label.js').then(({ label }) => label),
  },
  plugins: {
    description: 'List the installed plugins, or the options of one.',
    load: () => import('./plugins.js').then(({ plugins }) => plugins),
  },
  schema: {
    description: 'Write the JSON Schema of a config with the installed plugins, for completion in editors.',
    load: () => import('./schema.js').then(({ schema }) => schema),
  },
  doctor: {
    description: 'Check this machine, the installed packages, the config, and optionally a model.',
    load: () => import('./doctor.js').then(({ doctor }) => doctor),
  },
  'check-gradients': {
    description: "Compare the gradients of an ONNX model with another implementation's, or with finite differences.",
    load: () => import('./check-gradients.js').then(({ checkGradientsCommand }) => checkGradientsCommand),
  },
} as const

export type CommandName = keyof typeof TABLE
export const COMMANDS = Object.keys(TABLE) as CommandName[]

/** What a command does, in one sentence. */
export const descriptionOf = (name: CommandName): string => TABLE[name].description

export async function loadCommand(name: CommandName): Promise<NamedCommand> {
  const command = (await TABLE[name].load()) as unknown as Command<ArgsDef>
  return { ...command, description: descriptionOf(name) }
}
