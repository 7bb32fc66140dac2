import type { Context } from 'hono'
import type { Service } from '../../service/create-service.js'
import type { Metrics } from '../metrics.js'
import type { Role } from '../routes.js'

export const API = '/api/v1'

export interface ApiOptions {
  readonly service: Service
  readonly name: string
  readonly maxBody: number
  readonly originals: boolean
  readonly urls: boolean
  readonly rerankers: readonly string[]
  readonly metrics: Metrics
  roleOf(context: Context): Role
}
