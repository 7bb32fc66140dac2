export * from './model/model-file.js'
export * from './portable.js'
