import { build } from '../../tsup.base'

export default build({
  entry: {
    index: 'src/index.ts',
    browser: 'src/browser.ts',
    'platform-node': 'src/platform/node.ts',
    'platform-browser': 'src/platform/browser.ts',
  },
  external: ['#platform'],
})
