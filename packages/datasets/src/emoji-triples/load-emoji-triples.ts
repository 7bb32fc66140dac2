import { join } from 'node:path'
import { createRandom, type Dataset, type DatasetItem, LookalikeError, nearestName, type Triple } from '@lookalike/core'
import { z } from 'zod'
import { emojiKey } from '../emoji/emoji-classes.js'
import type { EmojiStyle } from '../emoji/emoji-sets.js'
import { EMOJI_SIZE, emojiFiles, emojiItems, readEmoji } from '../emoji/load-emoji.js'
import { iconSvg } from '../iconify/icon-svg.js'
import { renderSvgs } from '../iconify/render-svgs.js'
import type { LoadContext } from '../load-context.js'
import { findPackages } from '../node/find-package.js'
import { readJson } from '../node/read-json.js'
import { annotatorAgreement } from './annotator-agreement.js'
import { type LocaleKeywords, readLocales } from './locale-keywords.js'
import { type Candidate, type PlannedTriple, planTriples, type TriplePlan } from './plan-triples.js'

export interface EmojiTriplesOptions extends TriplePlan {
  readonly styles: readonly EmojiStyle[]
  readonly heldOutLocales: number | readonly string[]
}

const emojibaseSchema = z.array(z.object({ hexcode: z.string(), group: z.int().optional() }))

/**
 * Emoji triples that people of 115 languages voted on: the keywords that translators wrote for CLDR (Unicode licence)
 * tell which of A and B is closer to R. `agreement` is the share of votes for the answer; `figures` holds how well one
 * locale agrees with the majority of the others, which no model need beat.
 */
export async function loadEmojiTriples(options: EmojiTriplesOptions, context: LoadContext): Promise<Dataset> {
  const folders = findPackages(['cldr-annotations-full', 'emojibase-data'], context.folder)
  const { sets, classes } = await readEmoji(context)
  const keys = new Set(classes.map(({ key }) => key))
  const [locales, emojibase] = await Promise.all([
    readLocales(folders['cldr-annotations-full'], keys),
    readJson(join(folders['emojibase-data'], 'en/data.json'), emojibaseSchema),
  ])
  const all = { protocol: 'all', validation: 0, seed: 0, splits: ['train', 'validation', 'test'] } as const
  const drawn = emojiItems(classes, all, emojiFiles(sets, context)).filter(({ style }) =>
    options.styles.includes(style),
  )
  const imagesOf = new Map<string, typeof drawn>()
  for (const image of drawn) imagesOf.set(image.item.label, [...(imagesOf.get(image.item.label) ?? []), image])

  const groups = new Map(emojibase.map(({ hexcode, group }) => [emojiKey(hexcode), group]))
  const candidates = classes.flatMap(({ key }): Candidate[] => {
    const group = groups.get(key)
    const split = imagesOf.get(key)?.[0]?.item.split
    const annotated = locales.some(({ words }) => words.has(key))
    return group === undefined || split === undefined || !annotated
      ? []
      : [{ key, group, split: split === 'test' ? 'test' : 'train' }]
  })
  const planned = planTriples(candidates, voters(locales, options), options)

  const pick = imagePicker(imagesOf, options.seed)
  const triples = planned.map((triple) => toTriple(triple, pick))
  const used = new Set(triples.flatMap(({ reference, a, b }) => [reference, a, b]))
  const images = drawn.filter(({ item }) => used.has(item.id))
  await renderSvgs(
    images.map(({ style, icon, item }) => ({
      file: item.source as string,
      svg: () => iconSvg(sets[style], icon, EMOJI_SIZE),
    })),
    EMOJI_SIZE,
    context.signal,
  )
  return {
    specVersion: 'v1',
    name: 'emoji-triples',
    items: images.map(({ item }) => item),
    triples,
    figures: figures(planned),
  }
}

/** Held-out locales vote on test triples, and they alone; the others on all that is trained or fitted. */
export function voters(
  locales: readonly LocaleKeywords[],
  { heldOutLocales, seed }: Pick<EmojiTriplesOptions, 'heldOutLocales' | 'seed'>,
) {
  if (heldOutLocales === 0) return { train: locales, test: locales }
  const names = locales.map(({ locale }) => locale)
  const unknown = typeof heldOutLocales === 'number' ? undefined : heldOutLocales.find((name) => !names.includes(name))
  if (unknown !== undefined) {
    const near = nearestName(unknown, names)
    throw new LookalikeError(
      'dataset/unknown-locale',
      {
        problem: `There is no locale ${unknown}`,
        expected: names.join(', '),
        fix: near && `Did you mean ${near}?`,
      },
      { fields: { locale: unknown } },
    )
  }
  const order = createRandom(`${seed}/held-out-locales`).permutation(locales.length)
  const held = new Set(
    typeof heldOutLocales === 'number'
      ? Array.from(order.slice(0, heldOutLocales), (at) => names[at]!)
      : heldOutLocales,
  )
  return {
    train: locales.filter(({ locale }) => !held.has(locale)),
    test: locales.filter(({ locale }) => held.has(locale)),
  }
}

/** Which drawing of an emoji stands in a triple: a reference is one image, A and B are drawn anew for each triple. */
function imagePicker(imagesOf: ReadonlyMap<string, readonly { readonly item: DatasetItem }[]>, seed: number) {
  const random = createRandom(`${seed}/emoji-styles`)
  const references = new Map<string, string>()
  const any = (key: string) => {
    const images = imagesOf.get(key)!
    return images[random.integer(images.length)]!.item.id
  }
  return {
    any,
    reference: (key: string) => {
      const id = references.get(key) ?? any(key)
      references.set(key, id)
      return id
    },
  }
}

function toTriple(
  { reference, a, b, votes, split, context }: PlannedTriple,
  pick: ReturnType<typeof imagePicker>,
): Triple {
  return {
    reference: pick.reference(reference),
    a: pick.any(a),
    b: pick.any(b),
    closer: votes.a > votes.b ? 'a' : 'b',
    split,
    agreement: Math.max(votes.a, votes.b) / (votes.a + votes.b),
    context,
  }
}

function figures(planned: readonly PlannedTriple[]): Record<string, number> {
  return Object.fromEntries(
    (['train', 'validation', 'test'] as const).flatMap((split) => {
      const votes = planned.filter((triple) => triple.split === split).map((triple) => triple.votes)
      if (votes.length === 0) return []
      const { withMajority, pairwise } = annotatorAgreement(votes)
      return [
        [`${split}/one-locale-with-majority-of-others`, withMajority],
        [`${split}/two-locales`, pairwise],
      ] as const
    }),
  )
}
