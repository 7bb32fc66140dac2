import { build } from '../../tsup.base'

// TensorFlow.js ships its gradients only as modules for bundlers, so they are bundled; the rest stays a dependency.
export default build({ noExternal: [/^@tensorflow\/tfjs-core\/dist\//] })
