export * from './portable.js'
export { prepareRuntime } from './session/runtime.js'
export { useWebRuntime, type WebRuntime } from './session/runtime-web.js'
