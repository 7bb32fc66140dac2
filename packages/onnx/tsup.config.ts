import { build } from '../../tsup.base'

export default build({
  entry: {
    index: 'src/index.ts',
    browser: 'src/browser.ts',
    'web-session': 'src/web-session.ts',
    'runtime-node': 'src/session/runtime-node.ts',
    'runtime-web': 'src/session/runtime-web.ts',
  },
  external: ['#runtime'],
})
