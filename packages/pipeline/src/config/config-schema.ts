import { pluginRef } from '@lookalike/core'
import { metricNames } from '@lookalike/evaluate'
import { z } from 'zod'
import { serveSchema } from './serve-schema.js'

const positiveInteger = z.int().min(1)

const metric = z
  .string()
  .superRefine((name, context) => {
    try {
      metricNames([name], [1])
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
    }
  })
  .meta({
    examples: [
      'recall',
      'precision',
      'map',
      'map@r',
      'r-precision',
      'mrr',
      'mrr@10',
      'oml.precision',
      'oml.map',
      'pml.map',
    ],
  })

const keys = {
  $schema: z.string().optional().describe('Address of the JSON Schema, for completion in editors.'),
  extends: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe(
      'Configs that this one builds on: a path, a package, or several, later ones winning. Objects merge, arrays replace.',
    ),
  name: z
    .string()
    .regex(/^(?!\.{1,2}$)[^/\\\p{Cc}]+$/u, 'A name without slashes and control characters, and neither . nor ..')
    .optional()
    .describe("Name of the run's folder. Default: the name of the config's folder."),
  seed: z.int().default(0).describe('Every random choice follows it.'),
  plugins: z.array(z.string()).default([]).describe('Packages and files that bring plugins besides the built-in ones.'),
  dataset: pluginRef('dataset').optional().describe('The images to index, evaluate or train on.'),
  encoder: pluginRef('encoder').optional().describe('Images to vectors; what training starts from.'),
  combiner: pluginRef('combiner')
    .optional()
    .describe('Several encoders as one; when given, search and evaluation use it instead of the encoder.'),
  index: pluginRef('index').optional().describe('The search engine.'),
  gallery: z
    .union([z.string().min(1), pluginRef('gallery')])
    .default('gallery')
    .describe(
      'The gallery that "index" fills and "search" reads: its folder, or a database such as { use: postgres, ... }.',
    ),
  rerankers: z.array(pluginRef('reranker')).default([]).describe('Applied to the first results, in this order.'),
  train: pluginRef('trainer').optional().describe('How "train" trains.'),
  loggers: z
    .array(pluginRef('logger'))
    .default([])
    .describe('Where the figures of a training go besides its log.jsonl, while it runs.'),
  evaluate: z
    .strictObject({
      split: z.enum(['train', 'validation', 'test']).default('test').describe('Which part of the dataset.'),
      ks: z.array(positiveInteger).min(1).default([1, 2, 4, 8]).describe('Cut-offs of the metrics at k.'),
      metrics: z
        .array(metric)
        .min(1)
        .default(['recall', 'precision', 'map', 'map@r', 'r-precision', 'mrr@10'])
        .describe(
          'What to measure, at each of "ks" or with a cut-off of its own (mrr@10). Triplet accuracy comes by itself where the dataset has triples.',
        ),
      baselines: z
        .boolean()
        .default(false)
        .describe(
          'Whether to measure, in the same report, what the combiner is to be compared with: other ways to use its encoders.',
        ),
      calibration: z
        .enum(['train', 'validation', 'test'])
        .default('validation')
        .describe('The part of the dataset whose queries calibrate "search --no-match" and "reject --risk".'),
      targetRisks: z
        .array(z.number().gt(0).lt(1))
        .default([])
        .describe(
          'Shares of wrong first results to find thresholds of the uncertainty for: half of the queries calibrate each, the others are counted. For models that give uncertainties.',
        ),
      reporters: z.array(pluginRef('reporter')).default([]).describe('What writes the results.'),
    })
    .prefault({})
    .describe('How "evaluate" measures.'),
  images: z
    .strictObject({
      onCorrupt: z
        .enum(['skip', 'fail'])
        .default('skip')
        .describe('What happens with an image that cannot be read: left out with a warning, or the end of the run.'),
      maxPixels: positiveInteger.exactOptional().describe('Larger images are refused, pixels.'),
      maxBytes: positiveInteger.exactOptional().describe('Larger files are refused, bytes.'),
      deadline: positiveInteger
        .exactOptional()
        .describe(
          'Milliseconds of processor time that decoding one image may take; what takes longer is stopped. Default: 20,000.',
        ),
      truncated: z
        .enum(['read', 'fail'])
        .exactOptional()
        .describe('A file that ends early: read what is there, with a warning, or fail. Default: read.'),
      urls: z
        .enum(['public', 'any', 'none'])
        .optional()
        .describe(
          'What http addresses may name: public hosts, any (those of this machine and its network included), or none. Default: public.',
        ),
      paths: z
        .array(z.string().min(1))
        .default([])
        .describe(
          'Folders outside the root of the data in which tables and galleries may name files, from the config file, and what S3 addresses in them may begin with: s3://bucket/prefix. Default: none.',
        ),
      concurrency: positiveInteger
        .exactOptional()
        .describe('Images decoded at the same time. Default: the number of processors.'),
    })
    .prefault({})
    .describe('How images are read.'),
  serve: serveSchema.prefault({}).describe('How "serve" serves the gallery.'),
  cache: z
    .union([z.string().min(1), z.literal(false)])
    .default('.lookalike')
    .describe('Folder for embeddings, downloads and rendered images, or false to keep no embeddings.'),
  runs: z.string().min(1).default('runs').describe("Folder of the runs' folders."),
  threads: positiveInteger.optional().describe('Processor threads that a model may use. Default: the runtime decides.'),
}

/** What a stage says otherwise than the config; the rest of these keys it takes from there. */
const { dataset, encoder, train, seed, images, threads } = keys

const stage = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'A name in lower-case letters, digits and hyphens')
    .describe("Its folder in the run's folder, and what later stages call it: ${stages.NAME}."),
  dataset,
  encoder: encoder.unwrap().optional().describe('What its training starts from.'),
  train,
  seed: seed.unwrap().optional().describe('Every random choice of this stage follows it.'),
  images: images.unwrap().optional().describe('How images are read.'),
  threads,
})

/** Of a config, what its stages take from it. */
export const STAGE_KEYS: readonly string[] = Object.keys(stage.shape).filter((key) => key !== 'name')

/**
 * The schema of a config file, with its defaults, but those that name plugins: who loads configs hands them in. Types of configs, keys of the command line and the reference are derived from it. Relative paths
 * start at the folder of the config file.
 */
export const configSchema = z.strictObject({
  ...keys,
  stages: z
    .array(stage)
    .default([])
    .describe(
      'Trainings that "train" does one after the other, each a run in the folder of its name. A path may start with ${stages.NAME}, the folder of an earlier one.',
    ),
})

/** The keys that may be set on the command line: all but those that are about the file. */
export const CONFIG_KEYS: readonly string[] = Object.keys(configSchema.shape).filter(
  (key) => key !== '$schema' && key !== 'extends',
)
