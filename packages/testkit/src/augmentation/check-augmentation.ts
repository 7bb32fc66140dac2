import { type Augmentation, createRandom, type RawImage } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { largestDifference } from '../compare.js'
import { checkCommon } from '../contract.js'
import { samplePicture } from '../encoder/sample-batch.js'
import { createParts, type Parts } from '../parts.js'

export interface AugmentationCheckOptions {
  /** What size comes out: the image's own, the target's, or either. Default: either. */
  readonly size?: 'same' | 'target' | 'either'
  /** False for augmentations that do nothing to most pictures. */
  readonly changes?: boolean
}

interface Subject {
  readonly parts: Parts<Augmentation>
  readonly options: Required<AugmentationCheckOptions>
}

const TARGET = { width: 24, height: 20 }
const SEEDS = 40

/** Large, small, long, high, one pixel. */
const SIZES = [
  [40, 32],
  [7, 5],
  [64, 3],
  [3, 50],
  [1, 1],
] as const

const apply = (augmentation: Augmentation, image: RawImage, seed: number) =>
  Promise.resolve(augmentation.apply(image, createRandom(seed), TARGET))

const sameImage = (a: RawImage, b: RawImage) =>
  a.width === b.width && a.height === b.height && largestDifference(a.data, b.data) === 0

const checks: readonly Check<Subject>[] = [
  {
    id: 'augmentation/contract',
    claim: 'says what it is',
    async run({ parts }, report) {
      checkCommon(await parts.shared(), report)
    },
  },
  {
    id: 'augmentation/shape',
    claim: 'gives whole pictures of the right size, whatever comes in',
    async run({ parts, options }, report) {
      const augmentation = await parts.shared()
      for (const [width, height] of SIZES) {
        for (let seed = 0; seed < 8; seed++) {
          const given = `a picture of ${width} x ${height}`
          const result = await apply(augmentation, samplePicture(seed, width, height), seed)
          if (
            !(result.data instanceof Uint8Array) ||
            result.data.length !== result.width * result.height * 3 ||
            result.data.length === 0
          ) {
            return report(
              `${given} became ${result.width} x ${result.height} with ${result.data?.length} values; expected: width x height x 3 in a Uint8Array`,
            )
          }
          const same = result.width === width && result.height === height
          const target = result.width === TARGET.width && result.height === TARGET.height
          if (!(options.size === 'same' ? same : options.size === 'target' ? target : same || target)) {
            return report(
              `${given} became ${result.width} x ${result.height}; expected: ${options.size === 'same' ? 'its own size' : `${options.size === 'either' ? 'its own size or ' : ''}the target's ${TARGET.width} x ${TARGET.height}`}`,
            )
          }
        }
      }
    },
  },
  {
    id: 'augmentation/pure',
    claim: 'leaves the picture that it gets as it was',
    async run({ parts }, report) {
      const augmentation = await parts.shared()
      const picture = samplePicture(1)
      const before = picture.data.slice()
      for (let seed = 0; seed < SEEDS; seed++) await apply(augmentation, picture, seed)
      if (largestDifference(before, picture.data) !== 0)
        report('the picture had other pixels afterwards; expected: a copy, image.data.slice()')
    },
  },
  {
    id: 'augmentation/seeded',
    claim: 'gives the same picture for the same seed',
    async run({ parts }, report) {
      const [one, other] = [await parts.shared(), await parts.fresh()]
      for (let seed = 0; seed < SEEDS; seed++) {
        const first = await apply(one, samplePicture(2), seed)
        if (!sameImage(first, await apply(one, samplePicture(2), seed)))
          return report('the same seed gave another picture the second time; expected: all randomness from `random`')
        if (!sameImage(first, await apply(other, samplePicture(2), seed)))
          return report('the same seed gave another picture from another augmentation with the same options')
      }
    },
  },
  {
    id: 'augmentation/changes',
    claim: 'does something',
    async run({ parts, options }, report) {
      if (!options.changes) return NOT_CLAIMED
      const augmentation = await parts.shared()
      for (let seed = 0; seed < SEEDS; seed++)
        if (!sameImage(samplePicture(3), await apply(augmentation, samplePicture(3), seed))) return
      report(`${SEEDS} seeds all left the picture as it was`)
    },
  },
]

export const augmentationSuite: Suite<Augmentation, AugmentationCheckOptions, Subject> = {
  checks,
  open: (create, options) => ({ parts: createParts(create), options: { size: 'either', changes: true, ...options } }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks an augmentation: purity, seededness, size of what comes out.
 *
 * @example
 * const issues = await checkAugmentation(() => myAugmentation(), { size: 'same' })
 */
export const checkAugmentation = (
  create: Create<Augmentation>,
  options: AugmentationCheckOptions = {},
): Promise<readonly Issue[]> => runSuite(augmentationSuite, create, options)
