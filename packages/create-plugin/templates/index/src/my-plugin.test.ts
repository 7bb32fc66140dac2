import { fromPlugin } from '@lookalike/testkit'
import { describeIndex, describePlugins } from '@lookalike/testkit/vitest'
import plugins, { myPlugin } from './my-plugin.js'

describePlugins(plugins)
// An approximate engine says here how much it finds: { recall: 0.95 }.
describeIndex('my-plugin', fromPlugin(myPlugin))
