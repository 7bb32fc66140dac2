import { describePlugins } from '@lookalike/testkit/vitest'
import plugins from './index.js'

describePlugins(plugins)
