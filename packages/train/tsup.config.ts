import { build } from '../../tsup.base'

export default build({ entry: { index: 'src/index.ts', worker: 'src/loading/worker.ts' } })
