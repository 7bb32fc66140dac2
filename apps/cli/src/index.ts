import { htmlReporter } from './report/html-reporter.js'
import { jsonReporter } from './report/json-reporter.js'

export default [jsonReporter, htmlReporter]

export { defineConfig } from '@lookalike/pipeline'
export { DEFAULTS } from './defaults.js'
export { run } from './run.js'
export { htmlReporter, jsonReporter }

/**
 * The plugins that come with the command. That their packages are named here is what lets `defineConfig` of this package complete their
 * options.
 */
export type BuiltInPlugins = [
  typeof import('@lookalike/asymmetric'),
  typeof import('@lookalike/datasets'),
  typeof import('@lookalike/encoders'),
  typeof import('@lookalike/ensemble'),
  typeof import('@lookalike/gallery'),
  typeof import('@lookalike/loggers'),
  typeof import('@lookalike/losses'),
  typeof import('@lookalike/rerank'),
  typeof import('@lookalike/train'),
]
