import { createRandom, type Sampler, type SamplerItems } from '@lookalike/core'
import { type Check, type Create, type Issue, NOT_CLAIMED, runSuite, type Suite } from '../check.js'
import { checkCommon } from '../contract.js'
import { createParts, type Parts } from '../parts.js'

export interface SamplerCheckOptions {
  /** The set to draw from. Default: 96 images of 12 classes in 3 categories. */
  readonly items?: SamplerItems
  /** False for samplers whose order does not depend on the seed. */
  readonly shuffles?: boolean
  /** False for samplers that leave images out for good. */
  readonly coversAll?: boolean
}

interface Subject {
  readonly parts: Parts<Sampler>
  readonly options: Required<SamplerCheckOptions>
}

const EPOCHS = 30

const sampleItems = (): SamplerItems => ({
  labels: Int32Array.from({ length: 96 }, (_, i) => i % 12),
  categories: Int32Array.from({ length: 96 }, (_, i) => (i % 12) % 3),
})

const asText = (batches: readonly Int32Array[]) => batches.map((batch) => batch.join(' ')).join('\n')

const checks: readonly Check<Subject>[] = [
  {
    id: 'sampler/contract',
    claim: 'says what it is',
    async run({ parts }, report) {
      checkCommon(await parts.shared(), report)
    },
  },
  {
    id: 'sampler/positions',
    claim: 'gives batches of positions that are there',
    async run({ parts, options }, report) {
      const batches = (await parts.shared()).epoch(options.items, createRandom(1))
      if (batches.length === 0) report('an epoch has no batch')
      const { length } = options.items.labels
      for (const [number, batch] of batches.entries()) {
        if (!(batch instanceof Int32Array)) return report(`batch ${number} is no Int32Array`)
        if (batch.length === 0) return report(`batch ${number} is empty`)
        const bad = batch.find((position) => position < 0 || position >= length)
        if (bad !== undefined) return report(`batch ${number} names position ${bad} of ${length} items`)
      }
    },
  },
  {
    id: 'sampler/seeded',
    claim: 'gives the same batches for the same seed, and others for another',
    async run({ parts, options }, report) {
      const sampler = await parts.shared()
      const of = (which: Sampler, seed: number) => asText(which.epoch(options.items, createRandom(seed)))
      const first = of(sampler, 1)
      if (of(sampler, 1) !== first) report('the same seed gave other batches the second time')
      if (of(await parts.fresh(), 1) !== first)
        report('the same seed gave other batches from another sampler with the same options')
      if (options.shuffles && of(sampler, 2) === first)
        report('another seed gave the same batches; samplers that do not shuffle say shuffles: false')
    },
  },
  {
    id: 'sampler/covers',
    claim: 'draws every image sooner or later',
    async run({ parts, options }, report) {
      if (!options.coversAll) return NOT_CLAIMED
      const sampler = await parts.shared()
      const seen = new Set<number>()
      for (let epoch = 0; epoch < EPOCHS; epoch++)
        for (const batch of sampler.epoch(options.items, createRandom(epoch)))
          for (const position of batch) seen.add(position)
      const { length } = options.items.labels
      if (seen.size < length)
        report(`after ${EPOCHS} epochs ${length - seen.size} of ${length} images were never drawn`)
    },
  },
  {
    id: 'sampler/input',
    claim: 'leaves the labels as they were',
    async run({ parts, options }, report) {
      const before = Int32Array.from(options.items.labels)
      ;(await parts.shared()).epoch(options.items, createRandom(3))
      if (options.items.labels.some((label, i) => label !== before[i])) report('the labels had other values afterwards')
    },
  },
]

export const samplerSuite: Suite<Sampler, SamplerCheckOptions, Subject> = {
  checks,
  open: (create, options) => ({
    parts: createParts(create),
    options: { items: sampleItems(), shuffles: true, coversAll: true, ...options },
  }),
  close: ({ parts }) => parts.close(),
}

/**
 * Checks a sampler: positions, seededness, coverage.
 *
 * @example
 * const issues = await checkSampler(() => mySampler({ batchSize: 16 }))
 */
export const checkSampler = (create: Create<Sampler>, options: SamplerCheckOptions = {}): Promise<readonly Issue[]> =>
  runSuite(samplerSuite, create, options)
