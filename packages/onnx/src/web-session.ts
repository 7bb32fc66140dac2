export { float32, type Tensor } from './model/tensor.js'
export { type Feeds, openSession, type Session, type SessionOptions } from './session/open-session.js'
export { prepareRuntime, runtimeVersion } from './session/runtime.js'
export { useWebRuntime, type WebRuntime } from './session/runtime-web.js'
