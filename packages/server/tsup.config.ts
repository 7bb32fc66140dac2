import { build } from '../../tsup.base'

// The page is built beside it.
export default build({ entry: ['src/index.ts', 'src/encoder-worker.ts', 'src/map-worker.ts'], clean: ['!page/**'] })
