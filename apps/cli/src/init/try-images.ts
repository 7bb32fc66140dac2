import path from 'node:path'
import { isLookalikeError, type Registry, toWarning } from '@lookalike/core'
import { type EncoderTrial, tryEncoders } from '@lookalike/pipeline'
import type { CommandContext } from '../command.js'
import { formatPercent } from '../terminal/format.js'
import { renderTable } from '../terminal/render-table.js'
import { type Proposal, proposals } from './proposals.js'

/** The encoders that come with the package, the default first. */
const TRIED = ['builtin', 'mini'] as const

export interface TriedImages extends EncoderTrial {
  readonly proposals: readonly Proposal[]
}

/**
 * Measures the encoders that come with the package on a few images of a folder. Where that cannot be done, a warning says why.
 *
 * @param images as the config of the folder names it
 */
export async function tryImages(
  folder: string,
  images: string,
  registry: Registry,
  { output, operation }: CommandContext,
): Promise<TriedImages | undefined> {
  const { signal, onWarning } = operation
  const context = { folder, cacheFolder: path.join(folder, '.lookalike'), seed: 0, signal, onWarning }
  const encoders = []
  try {
    const dataset = await registry.create('dataset', { use: 'folder', path: images, test: 1 }, context)
    for (const name of TRIED) encoders.push(await registry.create('encoder', name, context))
    const trial = await tryEncoders(dataset.items, encoders, operation)
    return { ...trial, proposals: proposals(trial) }
  } catch (error) {
    operation.signal.throwIfAborted()
    if (!isLookalikeError(error)) throw error
    output.warn(toWarning(error))
    return undefined
  } finally {
    output.finish()
    for (const encoder of encoders) await encoder.dispose()
  }
}

/** What was measured and what to try, in words. */
export function describeTrial(trial: TriedImages): string {
  const { images, all, classes, chance, encoders } = trial
  const best = encoders.reduce((one, other) => (other.recall > one.recall ? other : one))
  const drawn =
    images < all.images
      ? `${images} of the ${all.images} images, of ${classes < all.classes ? `${classes} of the ${all.classes}` : `all ${classes}`} classes`
      : `${images} images of ${classes} classes`
  return [
    `Measured on ${drawn}: how often the most similar other image is of the same class (by chance: ${formatPercent(chance)} %).`,
    '',
    renderTable(
      ['encoder', 'R@1, %'],
      encoders.map(({ name, recall }) => [name, formatPercent(recall)]),
      [1],
    ),
    '',
    ...(images < all.images
      ? [
          `Among all images the share is another: more of each class to find, and more classes to confuse it with. "lookalike evaluate" measures them.`,
        ]
      : []),
    `In words: of 100 images, ${best.name} finds the class of ${Math.round(100 * best.recall)}.`,
    ...trial.proposals.map(({ text }) => `- ${text}`),
  ].join('\n')
}
