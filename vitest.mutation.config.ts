import { mergeConfig } from 'vitest/config'
import base from './vitest.config.js'

/** The tests of one part alone; `stryker.config.mjs` says which. */
const include = process.env['MUTATION_TESTS']?.split(',') ?? []
base.test!.include = include
// Projects name their files themselves, and would add the whole suite.
delete base.test!.projects

export default mergeConfig(base, { test: { maxWorkers: 1 } })
