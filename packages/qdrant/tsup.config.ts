import { build } from '../../tsup.base'

export default build()
