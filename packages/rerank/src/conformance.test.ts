import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describePlugins, describeReranker } from '@lookalike/testkit/vitest'
import plugins from './index.js'

/* The siamese reranker needs a trained pair model: its own tests make one. */

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) => fromPlugin(pluginOf(plugins, 'reranker', name), options)

describeReranker('k-reciprocal', create('k-reciprocal', { topN: 15, k1: 6, k2: 3 }))
describeReranker('alpha-query-expansion', create('alpha-query-expansion', { topN: 15 }))
describeReranker('database-augmentation', create('database-augmentation', { topN: 15 }))
describeReranker('constant-threshold', create('constant-threshold', { threshold: 0.9 }))
describeReranker('adaptive-threshold', create('adaptive-threshold', { factor: 2 }))
