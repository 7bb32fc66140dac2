export * from './portable.js'
export { useWebRuntime, type WebRuntime } from './session/runtime-web.js'
