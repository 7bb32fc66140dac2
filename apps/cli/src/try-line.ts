import path from 'node:path'
import type { TrainerResult } from '@lookalike/core'

/**
 * The command that measures what was trained, as what it is: an encoder, a reranker or a combiner. Undefined for an artefact that nothing says how to use.
 *
 * @param folder that the config's paths start at
 * @param config as it was given on the command line
 */
export function tryLine(
  artefact: string,
  usedBy: TrainerResult['usedBy'],
  folder: string,
  config: string | undefined,
): string | undefined {
  const given = config === undefined ? '' : ` --config ${config}`
  if (!usedBy)
    return artefact.endsWith('.onnx') ? `lookalike evaluate${given} --model ${path.relative('.', artefact)}` : undefined
  const { kind, use, option, path: what, options = {} } = usedBy
  const place = path
    .relative(folder, what === 'file' ? artefact : path.dirname(artefact))
    .split(path.sep)
    .join('/')
  const further = Object.entries(options).map(([name, value]) => `, ${name}: ${JSON.stringify(value)}`)
  const plugin = `{ use: ${use}, ${option}: ${JSON.stringify(place)}${further.join('')} }`
  return kind === 'reranker'
    ? `lookalike evaluate${given} --rerankers='[${plugin}]'`
    : `lookalike evaluate${given} --combiner='${plugin}'`
}
