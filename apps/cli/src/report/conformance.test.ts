import type { Plugin } from '@lookalike/core'
import { fromPlugin } from '@lookalike/testkit'
import { describePlugins, describeReporter } from '@lookalike/testkit/vitest'
import { htmlReporter } from './html-reporter.js'
import { jsonReporter } from './json-reporter.js'

describePlugins([htmlReporter, jsonReporter] as unknown as Plugin[])
describeReporter('html', fromPlugin(htmlReporter))
describeReporter('json', fromPlugin(jsonReporter))
