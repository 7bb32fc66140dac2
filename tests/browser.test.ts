import { describe, expect, it } from 'vitest'
import { bundleForBrowser, bundleWithVite, FOR_BROWSERS } from '../scripts/lib/bundle-for-browser.mjs'
import { hasChromium, launchChromium, openContext } from './helpers/chromium.js'

/* What needs nothing of Node, bundled for a page: the built packages, by the entries that they export. */

it('finds a module of Node', async () => {
  await expect(bundleForBrowser("import 'node:fs'")).rejects.toThrow('Could not resolve "node:fs"')
  await expect(bundleWithVite("import 'node:fs'")).rejects.toThrow(/"node:fs" has been externalized/)
})

describe.each(FOR_BROWSERS)('%s', (name) => {
  it('bundles without a module of Node, by esbuild and by Vite', async () => {
    const { imports, ...byEsbuild } = await bundleForBrowser(`export * from '${name}'; export * as all from '${name}'`)
    const byVite = await bundleWithVite(`export * from '${name}'`)
    const size = ({ bytes, gzipped }: { bytes: number; gzipped: number }) =>
      `${Math.round(bytes / 1000)} kB (${Math.round(gzipped / 1000)} gzipped)`
    console.log(`${name}: ${size(byEsbuild)} by esbuild, ${size(byVite)} by Vite`)
    expect(imports.length).toBeGreaterThan(0)
    // The losses run on TensorFlow.js in a page.
    const leftOut = imports.filter(({ to }) => to.startsWith('(disabled):')).map(({ to }) => to)
    expect(leftOut).toEqual(name === '@lookalike/losses' ? ['(disabled):packages/onnx/dist/browser.js'] : [])
  })
})

it('a page that takes one reranker does not get all of zod', async () => {
  const { bytes } = await bundleForBrowser("export { createKReciprocal } from '@lookalike/rerank/classical'")
  expect(bytes).toBeLessThan(150_000)
})

it('a page that decodes and runs a model gets little beside the runtime', async () => {
  const { bytes } = await bundleForBrowser(`
    export { decodeInBrowser, preprocess } from '@lookalike/image/browser'
    export { openSession, useWebRuntime } from '@lookalike/onnx/web-session'`)
  expect(bytes).toBeLessThan(35_000)
})

it('a page that opens ONNX files does not get the texts of zod in forty languages', async () => {
  const { bytes } = await bundleForBrowser("export * from '@lookalike/encoders/browser'")
  expect(bytes).toBeLessThan(350_000)
})

const PROGRAM = `
  import { createEmbeddings, createRanking, topK } from '@lookalike/core'
  import { judgeRankings, summarise } from '@lookalike/evaluate'
  import { proxyAnchor } from '@lookalike/losses'
  import { createAlphaQueryExpansion } from '@lookalike/rerank/classical'

  const rowsOf = (numbers) => createEmbeddings({ data: Float32Array.from(numbers), rows: numbers.length / 2, dim: 2, space: 's', role: 'any' })

  export async function run() {
    const { ranking } = await createAlphaQueryExpansion({ n: 1 }).rerank({
      ranking: createRanking(Int32Array.of(4, 7, 5), Float32Array.of(0.2, 0.2, 0.4)),
      query: rowsOf([1, 0]),
      candidates: rowsOf([0.8, 0.6, 0.8, -0.6, 0.6, 0.8]),
    })
    const judged = judgeRankings([ranking], { queryLabels: Int32Array.of(1), galleryLabels: Int32Array.from({ length: 8 }, (_, i) => +(i === 5)) })
    const loss = await proxyAnchor({ alpha: 32, delta: 0.1 }).bind({ dim: 2, classes: 2, seed: 1 })
    loss.parameters[0].data.set([1, 0, 0, 1])
    const { value } = await loss.compute({ embeddings: Float32Array.of(1, 0, 0, 1), labels: Int32Array.of(0, 1), rows: 2, dim: 2, step: 0, totalSteps: 1 })
    return { positions: [...ranking.positions], metrics: summarise(judged, ['recall@1', 'mrr@3']).metrics, value }
  }
`

it.skipIf(!hasChromium)('works in a page (skipped without /usr/bin/chromium)', async () => {
  const { code } = await bundleForBrowser(PROGRAM, { globalName: 'lookalike' })
  const browser = await launchChromium()
  try {
    const page = await (await openContext(browser)).newPage()
    await page.addScriptTag({ content: code })
    const { positions, metrics, value } = (await page.evaluate('lookalike.run()')) as {
      positions: number[]
      metrics: Record<string, number>
      value: number
    }
    expect(positions).toEqual([4, 5, 7])
    expect(metrics).toEqual({ 'recall@1': 0, 'mrr@3': 0.5 })
    // Each proxy has its own image at cosine 1 and the other's at 0.
    expect(value).toBeCloseTo(Math.log1p(Math.exp(-32 * 0.9)) + Math.log1p(Math.exp(32 * 0.1)), 4)
  } finally {
    await browser.close()
  }
})
