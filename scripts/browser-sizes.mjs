// Bundles for the browser what needs nothing of Node, and prints the sizes: the second table of docs/install-sizes.md. The packages have to be
// built: `node scripts/browser-sizes.mjs`.
import { bundleForBrowser, bundleWithVite, FOR_BROWSERS } from './lib/bundle-for-browser.mjs'

const PROGRAMS = [
  ...FOR_BROWSERS.map((name) => [`all of \`${name}\``, `export * from '${name}'`]),
  ['metrics: `judgeRankings`, `summarise`', "export { judgeRankings, summarise } from '@lookalike/evaluate'"],
  ['one reranker: `createKReciprocal`', "export { createKReciprocal } from '@lookalike/rerank/classical'"],
  ['one loss: `proxyAnchor`', "export { proxyAnchor } from '@lookalike/losses'"],
]
const kilobytes = (bytes) => Math.round(bytes / 1000)

console.log('| the page imports | esbuild, kB | gzipped | Vite, kB | gzipped |\n| --- | ---: | ---: | ---: | ---: |')
for (const [title, program] of PROGRAMS) {
  const sizes = [await bundleForBrowser(program), await bundleWithVite(program)]
  console.log(
    `| ${title} | ${sizes.map(({ bytes, gzipped }) => `${kilobytes(bytes)} | ${kilobytes(gzipped)}`).join(' | ')} |`,
  )
}
