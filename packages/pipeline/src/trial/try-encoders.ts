import { createRandom, type DatasetItem, type Encoder, LookalikeError, type OperationOptions } from '@lookalike/core'
import { judgeEmbeddings, metricByQuery, truthOfItems } from '@lookalike/evaluate'
import { embedImages } from '@lookalike/image'
import { drawImages } from './draw-images.js'

export interface TryEncodersOptions extends OperationOptions {
  /** Most images that are drawn, at least 2. Default 200. */
  readonly images?: number | undefined
  /** Of the draw. Default 0. */
  readonly seed?: number | undefined
}

/** What encoders found among a few images that have classes. */
export interface EncoderTrial {
  /** Images that were drawn and could be read. */
  readonly images: number
  /** Of the images that were drawn. */
  readonly classes: number
  /** What there was to draw from: the classes that have two images or more. */
  readonly all: { readonly images: number; readonly classes: number }
  /** Recall at 1 of an order by chance, 0 to 1. */
  readonly chance: number
  /** In the order given. */
  readonly encoders: readonly {
    readonly name: string
    /** Recall at 1, leave one out, 0 to 1. */
    readonly recall: number
    /** Whether it found the class for more images than each other encoder did, by more than two standard errors of the difference. */
    readonly clearlyBest: boolean
  }[]
}

/**
 * Measures encoders on a few images, in seconds: each image looks for another one of its class among the rest. The same images for each encoder, so
 * that they can be compared; among all images of a large folder fewer are found.
 *
 * @param items images with their classes; those whose class has no other image are left out
 * @param encoders are not disposed of
 * @throws `trial/no-classes` where no class has two images that can be read; `trial/one-class`; the codes of embedding
 */
export async function tryEncoders(
  items: readonly DatasetItem[],
  encoders: readonly Encoder[],
  { images = 200, seed = 0, ...operation }: TryEncodersOptions = {},
): Promise<EncoderTrial> {
  const { drawn, classes } = drawImages(items, images, createRandom(seed))
  if (drawn.length === 0) throw noClasses(items.length, 0)
  const tried: { name: string; hits: Float64Array }[] = []
  let facts = { images: 0, classes: 0, chance: 0 }
  for (const encoder of encoders) {
    const { embeddings, positions } = await embedImages(encoder, drawn, {
      ...operation,
      // An image that cannot be read is named once.
      onWarning: tried.length === 0 ? operation.onWarning : undefined,
    })
    const read = Array.from(positions, (position) => drawn[position]!)
    const judgement = await judgeEmbeddings(embeddings, embeddings, truthOfItems(read, read), operation)
    if (judgement.queries.length === 0) throw noClasses(items.length, drawn.length - read.length)
    const labels = new Set(read.map(({ label }) => label))
    if (labels.size < 2) throw oneClass(read.length, [...labels][0]!)
    const { queries } = judgement
    const others = read.length - 1
    facts = {
      images: read.length,
      classes: labels.size,
      chance: queries.reduce((sum, { relevant }) => sum + relevant / others, 0) / queries.length,
    }
    tried.push({ name: encoder.name, hits: metricByQuery(judgement, 'recall@1') })
  }
  return {
    ...facts,
    all: { images: classes.reduce((sum, members) => sum + members.length, 0), classes: classes.length },
    encoders: tried.map(({ name, hits }) => ({
      name,
      recall: hits.reduce((sum, hit) => sum + hit, 0) / hits.length,
      clearlyBest: tried.every((other) => other.name === name || clearlyMore(hits, other.hits)),
    })),
  }
}

/** Of the queries that one answered and the other did not, far more were answered by the one (the sign test, by its normal approximation). */
function clearlyMore(one: Float64Array, other: Float64Array): boolean {
  let ahead = 0
  let apart = 0
  for (const [query, hit] of one.entries()) {
    ahead += hit - other[query]!
    apart += Math.abs(hit - other[query]!)
  }
  return ahead > 2 * Math.sqrt(apart)
}

function noClasses(images: number, unreadable: number): LookalikeError {
  return new LookalikeError(
    'trial/no-classes',
    {
      problem: `Of the ${images} images no two that can be read have the same class, so no encoder was measured`,
      expected: 'one sub-folder a class, with two images or more each',
      fix: 'Without classes, images can be indexed and searched all the same.',
    },
    { fields: { images, unreadable } },
  )
}

function oneClass(images: number, label: string): LookalikeError {
  return new LookalikeError(
    'trial/one-class',
    {
      problem: `The ${images} images that could be measured are of one class (${label}), among which every answer is right, so no encoder was measured`,
      expected: 'one sub-folder a class, and two classes or more',
      fix: 'Without classes, images can be indexed and searched all the same.',
    },
    { fields: { images, label } },
  )
}
