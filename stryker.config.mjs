// Mutation tests of the numeric files: `pnpm mutation evaluate`, `losses`, `samplers`, `classical`. Out of CI: minutes to an hour each.
const parts = {
  evaluate: { files: ['packages/evaluate/src/metrics/*.ts'], tests: ['packages/evaluate/src/metrics/*.test.ts'] },
  losses: {
    files: ['packages/losses/src/{pair,proxy,regularise,kernels}/*.ts', 'packages/losses/src/cross-batch-memory.ts'],
    tests: ['packages/losses/src/**/*.test.ts'],
  },
  samplers: { files: ['packages/train/src/samplers/*.ts'], tests: ['packages/train/src/samplers/*.test.ts'] },
  classical: { files: ['packages/rerank/src/classical/*.ts'], tests: ['packages/rerank/src/classical/*.test.ts'] },
  rows: { files: ['packages/core/src/rows/*.ts'], tests: ['packages/core/src/rows/*.test.ts'] },
}

const name = process.env.MUTATION
const part = parts[name]
if (!part) throw new Error(`pnpm mutation <part>: one of ${Object.keys(parts).join(', ')}; "${name}" came`)
// Read by vitest.mutation.config.ts.
process.env.MUTATION_TESTS = part.tests.join(',')

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  plugins: ['@stryker-mutator/vitest-runner'],
  mutate: [...part.files, '!**/*.test.ts'],
  // Texts of errors and descriptions of options are no arithmetic.
  mutator: { excludedMutations: ['StringLiteral', 'ObjectLiteral'] },
  coverageAnalysis: 'perTest',
  concurrency: Number(process.env.MUTATION_CONCURRENCY ?? 1),
  timeoutMS: 20_000,
  timeoutFactor: 4,
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  ignorePatterns: ['dist', 'docs', 'bench', 'examples', 'tests', 'apps', 'runs', 'site'],
  reporters: ['clear-text', 'json'],
  jsonReporter: { fileName: `.stryker/${name}.json` },
  clearTextReporter: { allowColor: false, logTests: false },
  disableTypeChecks: false,
  tempDirName: '.stryker/tmp',
}
