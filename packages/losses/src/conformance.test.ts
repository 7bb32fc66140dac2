import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeLoss, describePlugins } from '@lookalike/testkit/vitest'
import plugins from './index.js'

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) =>
  fromPlugin(pluginOf(plugins, 'loss', name), options, { plugins })

/* Gentle scales where the papers' are steep: finite differences in float32 cannot follow those. */
describeLoss('proxy-anchor', create('proxy-anchor', { alpha: 4 }))
describeLoss('proxy-anchor with orthogonality', create('proxy-anchor', { alpha: 4, orthogonality: { lambda: 2 } }))
describeLoss('arcface', create('arcface', { s: 4 }))
describeLoss('cosface', create('cosface', { s: 4 }))
describeLoss('proxy-nca-pp', create('proxy-nca-pp', { T: 0.5 }))
describeLoss('soft-triple', create('soft-triple', { lambda: 4, K: 3, gamma: 0.5, tau: 2 }))
describeLoss('triplet', create('triplet', { mining: 'all', margin: 3, normalise: true }))
describeLoss('contrastive', create('contrastive', { negativeMargin: 3 }))
describeLoss('multi-similarity', create('multi-similarity', { beta: 4 }))
describeLoss('nt-xent', create('nt-xent', { tau: 0.5 }))
describeLoss('sup-con', create('sup-con', { tau: 0.5 }))
// Its weights are constants for the gradient, as in the paper.
describeLoss('circle', create('circle', { gamma: 4 }), { exactGradients: false })
describeLoss(
  'cross-batch-memory',
  create('cross-batch-memory', { loss: { use: 'nt-xent', tau: 0.5 }, size: 20, startStep: 0 }),
)
describeLoss(
  'sum-of-losses',
  create('sum-of-losses', {
    terms: [
      { loss: { use: 'nt-xent', tau: 0.5 } },
      { loss: { use: 'cosface', s: 4 }, weight: 0.5 },
      { loss: { use: 'cross-batch-memory', loss: { use: 'sup-con', tau: 0.5 }, startStep: 0 } },
    ],
  }),
)
