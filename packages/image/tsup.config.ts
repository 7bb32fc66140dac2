import { build } from '../../tsup.base'

export default build({
  // What an entry of its own reaches lies in a file of its own: a page that validates no spec does not get zod.
  entry: ['src/index.ts', 'src/browser.ts', 'src/preprocess/preprocessing-schema.ts'],
})
