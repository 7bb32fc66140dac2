import type {
  Augmentation,
  Combiner,
  Dataset,
  Encoder,
  GalleryStore,
  Logger,
  Plugin,
  Reporter,
  Reranker,
  Sampler,
  Trainer,
  UnboundLoss,
  VectorIndexEngine,
} from '@lookalike/core'
import { afterAll, describe, expect, it } from 'vitest'
import { type AugmentationCheckOptions, augmentationSuite } from './augmentation/check-augmentation.js'
import { type Create, runCheck, type Suite } from './check.js'
import { type CombinerCheckOptions, combinerSuite } from './combiner/check-combiner.js'
import { type DatasetCheckOptions, datasetSuite } from './dataset/check-dataset.js'
import { definitionSuite } from './definition/check-definition.js'
import { type EncoderCheckOptions, encoderSuite } from './encoder/check-encoder.js'
import { gallerySuite } from './gallery/check-gallery.js'
import type { GalleryCheckOptions } from './gallery/gallery-subject.js'
import { type IndexCheckOptions, indexSuite } from './index/check-index.js'
import { type LoggerCheckOptions, loggerSuite } from './logger/check-logger.js'
import { type LossCheckOptions, lossSuite } from './loss/check-loss.js'
import { type ReporterCheckOptions, reporterSuite } from './reporter/check-reporter.js'
import { type RerankerCheckOptions, rerankerSuite } from './reranker/check-reranker.js'
import { type SamplerCheckOptions, samplerSuite } from './sampler/check-sampler.js'
import { type TrainerCheckOptions, trainerSuite } from './trainer/check-trainer.js'

/** Milliseconds; it ends what hangs, and is no measure of speed: the five seconds that a test has by default are short on a busy machine. */
const TIMEOUT = 300_000

/** One test for each check; what a plugin does not claim is skipped and shown as such. */
function describeSuite<Part, Options, Subject>(
  suite: Suite<Part, Options, Subject>,
  title: string,
  create: Create<Part>,
  options: Options,
): void {
  describe(title, () => {
    const subject = suite.open(create, options)
    afterAll(() => suite.close(subject))
    for (const check of suite.checks) {
      it(check.claim, { timeout: TIMEOUT }, async (context) => {
        const { issues, claimed } = await runCheck(check, subject)
        expect(issues.map(({ check: id, message }) => `${id}: ${message}`)).toEqual([])
        if (!claimed) context.skip(`not claimed (${check.id})`)
      })
    }
  })
}

/** The plugin's definition; each plugin of an array. */
export function describePlugins(plugins: readonly Plugin[]): void {
  for (const plugin of plugins) describeSuite(definitionSuite, `${plugin.kind} ${plugin.name}`, () => plugin, {})
}

export const describeEncoder = (title: string, create: Create<Encoder>, options: EncoderCheckOptions = {}): void =>
  describeSuite(encoderSuite, title, create, options)
export const describeLoss = (title: string, create: Create<UnboundLoss>, options: LossCheckOptions = {}): void =>
  describeSuite(lossSuite, title, create, options)
export const describeCombiner = (title: string, create: Create<Combiner>, options: CombinerCheckOptions = {}): void =>
  describeSuite(combinerSuite, title, create, options)
export const describeReranker = (title: string, create: Create<Reranker>, options: RerankerCheckOptions = {}): void =>
  describeSuite(rerankerSuite, title, create, options)
export const describeIndex = (
  title: string,
  create: Create<VectorIndexEngine>,
  options: IndexCheckOptions = {},
): void => describeSuite(indexSuite, title, create, options)
export const describeGallery = (title: string, create: Create<GalleryStore>, options: GalleryCheckOptions = {}): void =>
  describeSuite(gallerySuite, title, create, options)
export const describeDataset = (title: string, create: Create<Dataset>, options: DatasetCheckOptions = {}): void =>
  describeSuite(datasetSuite, title, create, options)
export const describeSampler = (title: string, create: Create<Sampler>, options: SamplerCheckOptions = {}): void =>
  describeSuite(samplerSuite, title, create, options)
export const describeAugmentation = (
  title: string,
  create: Create<Augmentation>,
  options: AugmentationCheckOptions = {},
): void => describeSuite(augmentationSuite, title, create, options)
export const describeTrainer = (title: string, create: Create<Trainer>, options: TrainerCheckOptions): void =>
  describeSuite(trainerSuite, title, create, options)
export const describeLogger = (title: string, create: Create<Logger>, options: LoggerCheckOptions = {}): void =>
  describeSuite(loggerSuite, title, create, options)
export const describeReporter = (title: string, create: Create<Reporter>, options: ReporterCheckOptions = {}): void =>
  describeSuite(reporterSuite, title, create, options)
