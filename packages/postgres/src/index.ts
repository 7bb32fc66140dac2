import { postgresPlugin } from './postgres-store.js'

export { type PostgresOptions, postgresStore } from './postgres-store.js'

export default [postgresPlugin]
