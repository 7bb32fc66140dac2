import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const root = fileURLToPath(new URL('.', import.meta.url))

const exists = (folder: string) => existsSync(`${root}${folder}`)

/** Test files beside the sources of packages and applications. */
const ofPackages = ['packages', 'apps', 'packages/create-plugin/templates']
  .filter(exists)
  .flatMap((folder) => readdirSync(`${root}${folder}`).map((name) => `${folder}/${name}/src`))
  .filter(exists)
  .flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    ),
  )
  .filter((file) => file.endsWith('.test.ts'))

/** What a test does that files after it in the same process would see. */
const CHANGES_PROCESS =
  /\bvi\.(?:mock|doMock|resetModules|spyOn|stub\w+|useFakeTimers)\b|\bprocess\.(?:env|chdir|exitCode|on|once|stdin|stdout|stderr|emit|kill)\b|\bprocess\.\w+ = |\bglobalThis\b|\buseWebRuntime\b/
const isAlone = (file: string) => CHANGES_PROCESS.test(readFileSync(`${root}${file}`, 'utf8'))
const alone = ofPackages.filter(isAlone)
const shared = ofPackages.filter((file) => !alone.includes(file))

export default defineConfig({
  resolve: {
    // Tests run on the sources; only `tests/` and the command line's own tests use the built packages.
    alias: [
      { find: '@lookalike/testkit/vitest', replacement: `${root}packages/testkit/src/vitest.ts` },
      { find: '@lookalike/core/gallery', replacement: `${root}packages/core/src/gallery.ts` },
      { find: '@lookalike/rerank/classical', replacement: `${root}packages/rerank/src/classical.ts` },
      { find: '#runtime', replacement: `${root}packages/onnx/src/session/runtime-node.ts` },
      { find: '#platform', replacement: `${root}packages/encoders/src/platform/node.ts` },
      { find: /^@lookalike\/(image|onnx|encoders)\/browser$/, replacement: `${root}packages/$1/src/browser.ts` },
      { find: '@lookalike/browser/export', replacement: `${root}packages/browser/src/export/export-for-browser.ts` },
      { find: '@lookalike/onnx/web-session', replacement: `${root}packages/onnx/src/web-session.ts` },
      { find: 'create-lookalike-plugin', replacement: `${root}packages/create-plugin/src/index.ts` },
      { find: /^@lookalike\/([a-z-]+)$/, replacement: `${root}packages/$1/src/index.ts` },
    ],
  },
  test: {
    // To import the sources anew for each file takes as long as to test them: files of packages share their process, but for those that change it.
    projects: [
      { extends: true, test: { name: 'shared', include: shared, isolate: false } },
      { extends: true, test: { name: 'alone', include: [...alone, 'tests/**/*.test.ts'] } },
    ],
    // For a machine that has much else to do: a limit ends what hangs, and is no measure of speed.
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    expect: { poll: { timeout: 300_000 } },
    pool: 'forks',
    maxWorkers: Math.max(2, availableParallelism()),
    // The built command is Node's to load, as for users. Modules for bundlers Node alone cannot load.
    server: { deps: { external: [/apps\/cli\/dist\//], inline: [/tfjs-core\/dist\/(?!tf-core)/] } },
  },
})
