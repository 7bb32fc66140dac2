import type { Command } from '../command.js'

const LOADERS = {
  init: () => import('./init.js').then(({ init }) => init),
  index: () => import('./index-images.js').then(({ indexImages }) => indexImages),
  upgrade: () => import('./upgrade.js').then(({ upgrade }) => upgrade),
  reject: () => import('./reject.js').then(({ reject }) => reject),
  search: () => import('./search.js').then(({ search }) => search),
  evaluate: () => import('./evaluate.js').then(({ evaluate }) => evaluate),
  train: () => import('./train.js').then(({ train }) => train),
  report: () => import('./report.js').then(({ report }) => report),
  label: () => import('./label.js').then(({ label }) => label),
  plugins: () => import('./plugins.js').then(({ plugins }) => plugins),
  schema: () => import('./schema.js').then(({ schema }) => schema),
  doctor: () => import('./doctor.js').then(({ doctor }) => doctor),
  'check-gradients': () => import('./check-gradients.js').then(({ checkGradientsCommand }) => checkGradientsCommand),
} as const

export const COMMANDS = Object.keys(LOADERS) as (keyof typeof LOADERS)[]

/** Commands are loaded one at a time, so that a quick one stays quick. */
export async function loadCommand(name: keyof typeof LOADERS): Promise<Command> {
  return (await LOADERS[name]()) as unknown as Command
}
