import { fromPlugin, pluginOf } from '@lookalike/testkit'
import { describeIndex, describePlugins } from '@lookalike/testkit/vitest'
import plugins from './index.js'

describePlugins(plugins)

const create = (name: string, options: Readonly<Record<string, unknown>> = {}) =>
  fromPlugin(pluginOf(plugins, 'index', name), options)

describeIndex('exact', create('exact', { threads: 1 }))
describeIndex('usearch', create('usearch', { precision: 'fp32' }), { recall: 0.98 })
describeIndex('usearch in half precision', create('usearch'), { recall: 0.98, tolerance: 2e-3 })
describeIndex('usearch in eight bits', create('usearch', { precision: 'int8' }), { recall: 0.95, tolerance: 4e-2 })
describeIndex('usearch left on disk', create('usearch', { precision: 'fp32', mapped: true }), { recall: 0.98 })
