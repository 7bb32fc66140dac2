import { join } from 'node:path'
import type { Dataset, DatasetItem, Split } from '@lookalike/core'
import { type IconSet, readIconSet } from '../iconify/icon-set.js'
import { iconSvg } from '../iconify/icon-svg.js'
import { renderSvgs } from '../iconify/render-svgs.js'
import type { LoadContext } from '../load-context.js'
import { findPackages } from '../node/find-package.js'
import { splitLabels } from '../splits/split-labels.js'
import { type EmojiClass, type EmojiDrawing, emojiClasses } from './emoji-classes.js'
import { EMOJI_STYLES, type EmojiStyle, LINE_ART_STYLES } from './emoji-sets.js'

export interface EmojiOptions {
  readonly protocol: 'all' | 'unseen-style' | 'asymmetric'
  readonly validation: number
  readonly seed: number
  readonly splits: readonly Split[]
  /** The part of the training split that is used: styles, and from and to as shares of the sorted training classes. */
  readonly training?:
    | { readonly styles?: readonly EmojiStyle[] | undefined; readonly classes?: readonly [number, number] }
    | undefined
}

/** Pixels; both edges of a rendered emoji. */
export const EMOJI_SIZE = 96

/** What the benchmark's definition counts; other package versions may draw more or fewer. */
export const EMOJI_COUNTS = {
  classes: 1642,
  images: 11_782,
  trainClasses: 821,
  testClasses: 821,
  testImages: 5890,
} as const

/** Raised when rendering changes, so that old files are not used. */
const RENDERING = 'png-1'

/** The emoji benchmark: one class an emoji, one image a drawing of it, nine designers' styles. Renders on first use. */
export async function loadEmoji(options: EmojiOptions, context: LoadContext): Promise<Dataset> {
  const { sets, classes } = await readEmoji(context)
  checkCounts(classes, sets, context)
  const file = emojiFiles(sets, context)
  const items = emojiItems(classes, options, file)
  await renderSvgs(
    items.map(({ style, icon, item }) => ({
      file: item.source as string,
      svg: () => iconSvg(sets[style], icon, EMOJI_SIZE),
    })),
    EMOJI_SIZE,
    context.signal,
  )
  return { specVersion: 'v1', name: 'emoji', items: items.map(({ item }) => item) }
}

/** The images that a protocol and its parts call for, sorted by class; `file` says where the rendering of each lies. */
export function emojiItems(
  classes: readonly EmojiClass[],
  options: EmojiOptions,
  file: (style: EmojiStyle, icon: string) => string,
): (EmojiDrawing & { readonly item: DatasetItem })[] {
  const splitOf = splitEmoji(classes, options)
  const { styles, classes: [from, to] = [0, 1] } = options.training ?? {}
  const training = classes.map(({ key }) => key).filter((key) => splitOf.get(key) === 'train')
  const unused = new Set(
    training.filter(
      (_, position) => position < Math.round(from * training.length) || position >= Math.round(to * training.length),
    ),
  )
  return classes.flatMap(({ key, drawings }) => {
    const split = splitOf.get(key)!
    if (!options.splits.includes(split) || unused.has(key)) return []
    // Choosing a model on the unseen styles would make them seen: validation leaves them out too.
    const unseen = options.protocol === 'unseen-style'
    return drawings
      .filter(
        ({ style }) =>
          (!unseen || split === 'test' || !LINE_ART_STYLES.includes(style)) &&
          (split !== 'train' || !styles || styles.includes(style)),
      )
      .map(({ style, icon }) => {
        const cross = unseen && split === 'test'
        const lineArt = LINE_ART_STYLES.includes(style)
        const item: DatasetItem = {
          id: `${style}/${key}`,
          source: file(style, icon),
          label: key,
          split,
          isQuery: !cross || lineArt,
          isGallery: !cross || !lineArt,
          metadata: { style, icon, emoji: characters(key) },
        }
        return { style, icon, item }
      })
  })
}

/** The nine icon sets, found from the config's folder, and the classes that they draw. */
export async function readEmoji(
  context: Pick<LoadContext, 'folder'>,
): Promise<{ sets: Record<EmojiStyle, IconSet>; classes: EmojiClass[] }> {
  const packages = EMOJI_STYLES.map((style) => `@iconify-json/${style}` as const)
  const folders = findPackages(packages, context.folder)
  const sets = Object.fromEntries(
    await Promise.all(
      EMOJI_STYLES.map(async (style) => [style, await readIconSet(folders[`@iconify-json/${style}`])] as const),
    ),
  ) as Record<EmojiStyle, IconSet>
  return { sets, classes: emojiClasses(sets) }
}

/** Sorted by key, even positions train and odd positions test; the validation part is cut from the training classes. */
export function splitEmoji(
  classes: readonly EmojiClass[],
  options: Pick<EmojiOptions, 'validation' | 'seed'>,
): Map<string, Split> {
  const train = classes.filter((_, position) => position % 2 === 0).map(({ key }) => key)
  const cut = splitLabels(train, { validation: options.validation, seed: options.seed })
  return new Map(classes.map(({ key }, position) => [key, position % 2 === 0 ? cut.get(key)! : 'test']))
}

/** Where the rendered file of a drawing lies. */
export function emojiFiles(
  sets: Readonly<Record<EmojiStyle, Pick<IconSet, 'version'>>>,
  context: Pick<LoadContext, 'cacheFolder'>,
) {
  const root = join(context.cacheFolder, 'emoji', `${RENDERING}-${EMOJI_SIZE}px`)
  return (style: EmojiStyle, icon: string) => join(root, `${style}-${sets[style].version}`, `${icon}.png`)
}

function characters(key: string): string {
  return String.fromCodePoint(...key.split('-').map((point) => Number.parseInt(point, 16)))
}

function checkCounts(
  classes: readonly EmojiClass[],
  sets: Readonly<Record<EmojiStyle, IconSet>>,
  context: Pick<LoadContext, 'warn'>,
): void {
  const images = classes.reduce((sum, { drawings }) => sum + drawings.length, 0)
  if (classes.length === EMOJI_COUNTS.classes && images === EMOJI_COUNTS.images) return
  const versions = Object.fromEntries(EMOJI_STYLES.map((style) => [style, sets[style].version]))
  context.warn({
    code: 'dataset/emoji-versions',
    message:
      `The installed icon packages draw ${classes.length} emoji classes in ${images} images; the benchmark has ${EMOJI_COUNTS.classes} and ` +
      `${EMOJI_COUNTS.images}. Figures are not comparable with published ones.`,
    fields: { classes: classes.length, images, versions },
  })
}
